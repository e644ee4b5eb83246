namespace StreamEngine.Broker.Suite;

public sealed class MemoryBrokerSuite(MemoryBrokerFixture fixture) : BrokerSuite(fixture), IClassFixture<MemoryBrokerFixture>;

public sealed class DiskBrokerSuite(DiskBrokerFixture fixture) : BrokerSuite(fixture), IClassFixture<DiskBrokerFixture>;

public sealed class KafkaSuite(KafkaFixture fixture) : BrokerSuite(fixture), IClassFixture<KafkaFixture>;
