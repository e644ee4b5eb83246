// Each test has processes of its own that want the cores: one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
