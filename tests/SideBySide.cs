// Linked into the test projects whose tests wait for most of their time. Each class has brokers, topics and folders of its own; one class is one after the other.
[assembly: Xunit.CollectionBehavior(MaxParallelThreads = 4)]
