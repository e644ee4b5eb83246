import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.*;

/**
 * What the suite of the broker asks with librdkafka, asked with Kafka's own client. Run as a source file with the client on the class path and a bootstrap address; a line
 * for each case: "ok NAME", or "failed NAME: why".
 */
public final class BrokerSuite {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String RUN = Long.toString(System.nanoTime(), 36);
    private static String bootstrap;
    private static Admin admin;
    private static int names;

    interface Case {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        var cases = new LinkedHashMap<String, Case>();
        cases.put("records_come_back_as_they_were_sent", BrokerSuite::records);
        cases.put("committed_and_aborted_records_are_told_apart", BrokerSuite::committedAndAborted);
        cases.put("an_open_transaction_hides_what_comes_after_it", BrokerSuite::openHides);
        cases.put("a_transaction_spans_partitions_and_topics", BrokerSuite::spans);
        cases.put("offsets_are_committed_with_the_transaction_that_holds_them", BrokerSuite::offsetsInTransaction);
        cases.put("a_newer_producer_fences_the_older_and_aborts_what_it_left", BrokerSuite::fences);
        cases.put("a_transaction_that_takes_too_long_is_aborted", BrokerSuite::takesTooLong);
        cases.put("a_timeout_above_the_brokers_maximum_is_refused", BrokerSuite::timeoutTooLong);
        cases.put("a_producer_goes_on_over_many_transactions", BrokerSuite::manyTransactions);
        cases.put("transactions_are_listed_and_described", BrokerSuite::listed);
        cases.put("topics_are_created_described_and_deleted", BrokerSuite::topics);
        cases.put("topics_that_cannot_be_are_refused", BrokerSuite::refusedTopics);
        cases.put("deleted_records_are_gone_and_the_rest_stays", BrokerSuite::deletedRecords);
        cases.put("offsets_are_found_by_time", BrokerSuite::byTime);
        cases.put("what_is_too_large_or_from_the_future_is_refused", BrokerSuite::refusedRecords);
        cases.put("the_broker_may_stamp_the_time", BrokerSuite::stamps);
        cases.put("settings_of_a_topic_are_changed_and_described", BrokerSuite::settings);
        cases.put("partitions_are_added", BrokerSuite::partitions);
        cases.put("consumers_of_a_group_share_the_partitions_and_take_over", BrokerSuite::membership);
        cases.put("offsets_of_a_consumer_that_assigns_are_kept", BrokerSuite::assigned);
        cases.put("offsets_of_a_member_that_has_left_are_refused_in_a_transaction", BrokerSuite::leftMember);
        cases.put("groups_are_listed_described_and_deleted", BrokerSuite::groups);
        cases.put("the_cluster_describes_itself", BrokerSuite::cluster);
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        for (var entry : cases.entrySet()) {
            try {
                entry.getValue().run();
                System.out.println("ok " + entry.getKey());
            } catch (Throwable e) {
                var at = Arrays.stream(e.getStackTrace()).filter(f -> f.getClassName().startsWith("BrokerSuite")).map(f -> f.getMethodName() + ":" + f.getLineNumber()).collect(Collectors.joining(" < "));
                System.out.println("failed " + entry.getKey() + ": " + (e + (e.getCause() == null ? "" : " caused by " + e.getCause())).replace('\n', ' ') + " at " + at);
            }
        }
        admin.close();
        // What a broken case has left open is no reason to stay.
        System.exit(0);
    }

    private static void records() throws Exception {
        for (var codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            var topic = topic(1);
            try (var producer = producer(Map.of("compression.type", codec, "linger.ms", "20"))) {
                for (var i = 0; i < 300; i++) {
                    var record = new ProducerRecord<String, String>(topic, 0, 1_000_000_000_000L + i, i % 3 == 0 ? null : "k" + i, i % 7 == 0 ? null : "value " + i + " ".repeat(i));
                    record.headers().add("n", Integer.toString(i).getBytes(StandardCharsets.UTF_8)).add("empty", new byte[0]).add("none", null).add("n", new byte[] {1});
                    producer.send(record);
                }
            }
            var read = read(topic, 0, true);
            equal(300, read.size());
            for (var i = 0; i < 300; i++) {
                var record = read.get(i);
                equal((long) i, record.offset());
                equal(1_000_000_000_000L + i, record.timestamp());
                equal(i % 3 == 0 ? null : "k" + i, record.key());
                equal(i % 7 == 0 ? null : "value " + i + " ".repeat(i), record.value());
                equal("n=" + i + ",empty=,none=null,n=\1", StreamSupport.stream(record.headers().spliterator(), false).map(BrokerSuite::text).collect(Collectors.joining(",")));
            }
        }
    }

    private static String text(Header header) {
        return header.key() + "=" + (header.value() == null ? "null" : new String(header.value(), StandardCharsets.UTF_8));
    }

    private static void committedAndAborted() throws Exception {
        var topic = topic(1);
        try (var producer = transactional(name("tx"), Map.of())) {
            producer.initTransactions();
            transact(producer, topic, true, "a", "b");
            transact(producer, topic, false, "x", "y", "z");
            transact(producer, topic, true, "c");
            transact(producer, topic, false, "w");
        }
        equal(List.of("a", "b", "c"), values(topic, 0, true));
        equal(List.of("a", "b", "x", "y", "z", "c", "w"), values(topic, 0, false));
        // The last marker comes behind the answer.
        becomes(() -> end(topic, IsolationLevel.READ_UNCOMMITTED) == 11);
    }

    private static void openHides() throws Exception {
        var topic = topic(1);
        try (var open = transactional(name("tx"), Map.of()); var plain = producer(Map.of())) {
            open.initTransactions();
            plain.send(new ProducerRecord<>(topic, "before")).get();
            open.beginTransaction();
            open.send(new ProducerRecord<>(topic, "open")).get();
            plain.send(new ProducerRecord<>(topic, "after")).get();
            equal(List.of("before"), values(topic, 0, true));
            equal(List.of("before", "open", "after"), values(topic, 0, false));
            equal(1L, end(topic, IsolationLevel.READ_COMMITTED));
            open.commitTransaction();
            becomes(() -> values(topic, 0, true).equals(List.of("before", "open", "after")));
        }
    }

    private static void spans() throws Exception {
        var first = topic(2);
        var second = topic(1);
        try (var producer = transactional(name("tx"), Map.of())) {
            producer.initTransactions();
            producer.beginTransaction();
            for (var i = 0; i < 2; i++) producer.send(new ProducerRecord<>(first, i, null, "f" + i));
            producer.send(new ProducerRecord<>(second, "s"));
            producer.flush();
            equal(List.of(), values(first, 0, true));
            producer.commitTransaction();
            becomes(() -> values(first, 0, true).equals(List.of("f0")) && values(first, 1, true).equals(List.of("f1")) && values(second, 0, true).equals(List.of("s")));
        }
    }

    private static void offsetsInTransaction() throws Exception {
        var topic = topic(2);
        var group = name("group");
        var one = new TopicPartition(topic, 0);
        try (var producer = transactional(name("tx"), Map.of()); var consumer = consumer(Map.of("group.id", group))) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(one, new OffsetAndMetadata(5, "note")), new ConsumerGroupMetadata(group));
            producer.abortTransaction();
            equal(null, consumer.committed(Set.of(one)).get(one));
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(one, new OffsetAndMetadata(7, "note")), new ConsumerGroupMetadata(group));
            producer.commitTransaction();
            becomes(() -> new OffsetAndMetadata(7, "note").equals(consumer.committed(Set.of(one)).get(one)));
        }
    }

    private static void fences() throws Exception {
        var topic = topic(1);
        var id = name("tx");
        try (var older = transactional(id, Map.of()); var newer = transactional(id, Map.of())) {
            older.initTransactions();
            older.beginTransaction();
            older.send(new ProducerRecord<>(topic, "lost")).get();
            newer.initTransactions();
            throwsOne(List.of(ProducerFencedException.class, InvalidProducerEpochException.class), () -> {
                older.send(new ProducerRecord<>(topic, "late")).get();
                older.commitTransaction();
            });
            transact(newer, topic, true, "kept");
        }
        becomes(() -> values(topic, 0, true).equals(List.of("kept")));
    }

    private static void takesTooLong() throws Exception {
        var topic = topic(1);
        try (var slow = transactional(name("tx"), Map.of("transaction.timeout.ms", "1500"))) {
            slow.initTransactions();
            slow.beginTransaction();
            slow.send(new ProducerRecord<>(topic, "slow")).get();
            becomes(() -> end(topic, IsolationLevel.READ_COMMITTED) == 2);
            equal(List.of(), values(topic, 0, true));
            // By KIP-890 the client may go on after an abort; what it must not do is commit.
            throwsOne(List.of(KafkaException.class), slow::commitTransaction);
        }
    }

    private static void timeoutTooLong() throws Exception {
        try (var producer = transactional(name("tx"), Map.of("transaction.timeout.ms", "900001"))) {
            // The client has no class for it here, but the broker's words.
            var refused = throwsOne(List.of(KafkaException.class), producer::initTransactions);
            equal(true, refused.getMessage().contains("transaction timeout is larger than the maximum value allowed by the broker"));
        }
    }

    private static void manyTransactions() throws Exception {
        var topic = topic(2);
        var expected = new ArrayList<String>();
        try (var producer = transactional(name("tx"), Map.of())) {
            producer.initTransactions();
            for (var i = 0; i < 30; i++) {
                transact(producer, topic, i % 3 != 2, Integer.toString(i));
                if (i % 3 != 2) expected.add(Integer.toString(i));
            }
        }
        Collections.sort(expected);
        becomes(() -> Stream.concat(values(topic, 0, true).stream(), values(topic, 1, true).stream()).sorted().toList().equals(expected));
    }

    private static void listed() throws Exception {
        var topic = topic(1);
        var id = name("tx");
        try (var producer = transactional(id, Map.of())) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "open")).get();
            var open = admin.listTransactions().all().get().stream().filter(t -> t.transactionalId().equals(id)).findFirst().orElseThrow();
            equal(TransactionState.ONGOING, open.state());
            var described = admin.describeTransactions(List.of(id)).description(id).get();
            equal(Set.of(new TopicPartition(topic, 0)), described.topicPartitions());
            equal(60_000L, described.transactionTimeoutMs());
            producer.commitTransaction();
            becomes(() -> admin.describeTransactions(List.of(id)).description(id).get().state() == TransactionState.COMPLETE_COMMIT);
        }
        throwsOne(List.of(TransactionalIdNotFoundException.class), () -> admin.describeTransactions(List.of("no-such-id")).description("no-such-id").get());
    }

    private static void topics() throws Exception {
        var topic = name("topic");
        admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("max.message.bytes", "20000", "retention.ms", "-1")))).all().get();
        becomes(() -> describe(topic).partitions().size() == 3);
        var before = describe(topic).topicId();
        equal("20000", config(topic, "max.message.bytes").value());
        equal("delete", config(topic, "cleanup.policy").value());
        throwsOne(List.of(TopicExistsException.class), () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
        admin.deleteTopics(List.of(topic)).all().get();
        becomes(() -> !admin.listTopics().names().get().contains(topic));
        throwsOne(List.of(UnknownTopicOrPartitionException.class), () -> admin.deleteTopics(List.of(topic)).all().get());
        admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        becomes(() -> describe(topic).partitions().size() == 1 && !describe(topic).topicId().equals(before));
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(describe(topic).topicId()))).all().get();
        becomes(() -> !admin.listTopics().names().get().contains(topic));
    }

    private static void refusedTopics() throws Exception {
        throwsOne(List.of(InvalidTopicException.class), () -> admin.createTopics(List.of(new NewTopic("bad name!", 1, (short) 1))).all().get());
        throwsOne(List.of(InvalidReplicationFactorException.class), () -> admin.createTopics(List.of(new NewTopic(name("bad"), 1, (short) 5))).all().get());
        throwsOne(List.of(InvalidPartitionsException.class), () -> admin.createTopics(List.of(new NewTopic(name("bad"), 0, (short) 1))).all().get());
        for (var config : List.of(Map.of("no.such.setting", "1"), Map.of("retention.ms", "soon")))
            throwsOne(List.of(InvalidConfigurationException.class), () -> admin.createTopics(List.of(new NewTopic(name("bad"), 1, (short) 1).configs(config))).all().get());
        var only = name("checked");
        admin.createTopics(List.of(new NewTopic(only, 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        equal(false, admin.listTopics().names().get().contains(only));
    }

    private static void deletedRecords() throws Exception {
        var topic = topic(1);
        var partition = new TopicPartition(topic, 0);
        try (var producer = producer(Map.of())) {
            for (var i = 0; i < 20; i++) producer.send(new ProducerRecord<>(topic, Integer.toString(i))).get();
            equal(8L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(8))).lowWatermarks().get(partition).get().lowWatermark());
            equal(IntStream.range(8, 20).mapToObj(Integer::toString).toList(), values(topic, 0, true));
            admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1))).all().get();
            equal(List.of(), values(topic, 0, true));
            producer.send(new ProducerRecord<>(topic, "next")).get();
            equal(20L, read(topic, 0, true).get(0).offset());
            throwsOne(List.of(org.apache.kafka.common.errors.OffsetOutOfRangeException.class), () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(999))).all().get());
        }
    }

    private static void byTime() throws Exception {
        for (var codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            var topic = topic(1);
            var start = 978_307_200_000L;
            try (var producer = producer(Map.of("compression.type", codec, "linger.ms", "50"))) {
                for (var i = 0; i < 300; i++) producer.send(new ProducerRecord<>(topic, 0, start + (i ^ 5) * 1000L, null, "x".repeat(100)));
            }
            try (var consumer = consumer(Map.of())) {
                for (var wanted : List.of(start - 5, start, start + 1, start + 100_000, start + 250_500, start + 299_000)) {
                    var first = IntStream.range(0, 300).filter(i -> start + (i ^ 5) * 1000L >= wanted).findFirst().getAsInt();
                    equal((long) first, consumer.offsetsForTimes(Map.of(new TopicPartition(topic, 0), wanted)).values().iterator().next().offset());
                }
                equal(null, consumer.offsetsForTimes(Map.of(new TopicPartition(topic, 0), start + 400_000)).values().iterator().next());
            }
        }
    }

    private static void refusedRecords() throws Exception {
        var topic = topic(1, Map.of("max.message.bytes", "5000"));
        try (var producer = producer(Map.of())) {
            throwsOne(List.of(RecordTooLargeException.class), () -> producer.send(new ProducerRecord<>(topic, "x".repeat(6000))).get());
            throwsOne(List.of(InvalidTimestampException.class), () -> producer.send(new ProducerRecord<>(topic, 0, System.currentTimeMillis() + 3 * 3_600_000L, null, "x")).get());
        }
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, 0, System.currentTimeMillis() + 50 * 60_000L, null, "x")).get();
        }
    }

    private static void stamps() throws Exception {
        var topic = topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, 0, 1000L, null, "x")).get();
        }
        var read = read(topic, 0, true).get(0);
        equal(TimestampType.LOG_APPEND_TIME, read.timestampType());
        equal(true, read.timestamp() > 1_700_000_000_000L);
    }

    private static void settings() throws Exception {
        var topic = topic(1);
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "86400000"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("max.message.bytes", "5000"), AlterConfigOp.OpType.SET)))).all().get();
        becomes(() -> config(topic, "max.message.bytes").value().equals("5000"));
        equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config(topic, "retention.ms").source());
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", ""), AlterConfigOp.OpType.DELETE)))).all().get();
        becomes(() -> config(topic, "max.message.bytes").value().equals("1048588"));
        for (var entry : List.of(new ConfigEntry("no.such.setting", "1"), new ConfigEntry("retention.ms", "soon")))
            throwsOne(List.of(InvalidConfigurationException.class),
                () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.SET)))).all().get());
    }

    private static void partitions() throws Exception {
        var topic = topic(2);
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        becomes(() -> describe(topic).partitions().size() == 5);
        throwsOne(List.of(InvalidPartitionsException.class), () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
    }

    private static void membership() throws Exception {
        var topic = topic(4);
        var group = name("group");
        var settings = Map.of("group.id", group, "session.timeout.ms", "6000", "heartbeat.interval.ms", "500", "auto.offset.reset", "earliest");
        try (var first = consumer(settings); var second = consumer(settings)) {
            first.subscribe(List.of(topic));
            second.subscribe(List.of(topic));
            becomes(() -> {
                first.poll(Duration.ofMillis(100));
                second.poll(Duration.ofMillis(100));
                return first.assignment().size() == 2 && second.assignment().size() == 2;
            });
            equal(4L, Stream.concat(first.assignment().stream(), second.assignment().stream()).distinct().count());
            second.close();
            becomes(() -> {
                first.poll(Duration.ofMillis(100));
                return first.assignment().size() == 4;
            });
            try (var producer = producer(Map.of())) {
                for (var i = 0; i < 4; i++) producer.send(new ProducerRecord<>(topic, i, null, "v" + i)).get();
            }
            var seen = new TreeSet<String>();
            becomes(() -> {
                first.poll(Duration.ofMillis(100)).forEach(r -> seen.add(r.value()));
                return seen.size() == 4;
            });
            first.commitSync();
            equal(Set.of(1L), first.committed(first.assignment()).values().stream().map(OffsetAndMetadata::offset).collect(Collectors.toSet()));
        }
    }

    private static void assigned() throws Exception {
        var topic = topic(1);
        var group = name("group");
        var partition = new TopicPartition(topic, 0);
        try (var consumer = consumer(Map.of("group.id", group))) {
            consumer.assign(List.of(partition));
            equal(null, consumer.committed(Set.of(partition)).get(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(3, "three")));
        }
        try (var consumer = consumer(Map.of("group.id", group))) {
            var found = consumer.committed(Set.of(partition)).get(partition);
            equal(3L, found.offset());
            equal("three", found.metadata());
        }
    }

    private static void leftMember() throws Exception {
        var topic = topic(1);
        var group = name("group");
        ConsumerGroupMetadata left;
        try (var consumer = consumer(Map.of("group.id", group, "session.timeout.ms", "6000"))) {
            consumer.subscribe(List.of(topic));
            becomes(() -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.assignment().size() == 1;
            });
            left = consumer.groupMetadata();
        }
        try (var producer = transactional(name("tx"), Map.of())) {
            producer.initTransactions();
            producer.beginTransaction();
            throwsOne(List.of(CommitFailedException.class, KafkaException.class), () -> {
                producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1)), left);
                producer.commitTransaction();
            });
        }
        try (var consumer = consumer(Map.of("group.id", group))) {
            equal(null, consumer.committed(Set.of(new TopicPartition(topic, 0))).get(new TopicPartition(topic, 0)));
        }
    }

    private static void groups() throws Exception {
        var topic = topic(1);
        var group = name("group");
        try (var consumer = consumer(Map.of("group.id", group, "session.timeout.ms", "6000"))) {
            consumer.subscribe(List.of(topic));
            becomes(() -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.assignment().size() == 1;
            });
            consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0)));
            becomes(() -> admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group)));
            var described = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
            equal(1, described.members().size());
            equal(Set.of(new TopicPartition(topic, 0)), described.members().iterator().next().assignment().topicPartitions());
            throwsOne(List.of(GroupNotEmptyException.class), () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
        equal(0L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(new TopicPartition(topic, 0)).offset());
        becomes(() -> {
            try {
                admin.deleteConsumerGroups(List.of(group)).all().get();
                return true;
            } catch (ExecutionException e) {
                if (e.getCause() instanceof GroupNotEmptyException) return false;
                throw e;
            }
        });
        becomes(() -> admin.listGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)));
    }

    private static void cluster() throws Exception {
        var cluster = admin.describeCluster();
        equal(1, cluster.nodes().get().size());
        equal(false, cluster.clusterId().get().isEmpty());
        equal(cluster.nodes().get().iterator().next().id(), cluster.controller().get().id());
    }

    private static String name(String stem) {
        return stem + "-" + RUN + "-" + names++;
    }

    private static String topic(int partitions) throws Exception {
        return topic(partitions, Map.of());
    }

    private static String topic(int partitions, Map<String, String> configs) throws Exception {
        var topic = name("java");
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
        becomes(() -> describe(topic).partitions().size() == partitions);
        return topic;
    }

    private static TopicDescription describe(String topic) throws Exception {
        try {
            return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        } catch (ExecutionException e) {
            // A topic takes a moment to be known.
            if (e.getCause() instanceof UnknownTopicOrPartitionException) return new TopicDescription(topic, false, List.of());
            throw e;
        }
    }

    private static ConfigEntry config(String topic, String name) throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(List.of(resource)).all().get().get(resource).get(name);
    }

    private static long end(String topic, IsolationLevel level) throws Exception {
        var partition = new TopicPartition(topic, 0);
        return admin.listOffsets(Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(level)).partitionResult(partition).get().offset();
    }

    private static KafkaProducer<String, String> producer(Map<String, String> settings) {
        return new KafkaProducer<>(properties(settings), new StringSerializer(), new StringSerializer());
    }

    private static KafkaProducer<String, String> transactional(String id, Map<String, String> settings) {
        var all = properties(settings);
        all.put("transactional.id", id);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(Map<String, String> settings) {
        var all = properties(settings);
        all.putIfAbsent("group.id", name("reader"));
        all.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    private static Properties properties(Map<String, String> settings) {
        var all = new Properties();
        all.put("bootstrap.servers", bootstrap);
        all.putAll(settings);
        return all;
    }

    private static void transact(KafkaProducer<String, String> producer, String topic, boolean commit, String... values) {
        producer.beginTransaction();
        for (var value : values) producer.send(new ProducerRecord<>(topic, value));
        producer.flush();
        if (commit) producer.commitTransaction();
        else producer.abortTransaction();
    }

    /** From the first record that is kept to the end that the partition has now. */
    private static List<ConsumerRecord<String, String>> read(String topic, int partition, boolean committed) throws Exception {
        var read = new ArrayList<ConsumerRecord<String, String>>();
        try (var consumer = consumer(Map.of("isolation.level", committed ? "read_committed" : "read_uncommitted", "auto.offset.reset", "earliest"))) {
            var at = new TopicPartition(topic, partition);
            consumer.assign(List.of(at));
            consumer.seekToBeginning(List.of(at));
            var end = consumer.endOffsets(List.of(at)).get(at);
            var until = System.nanoTime() + PATIENCE.toNanos();
            while (consumer.position(at) < end) {
                if (System.nanoTime() > until) throw new AssertionError("only " + read.size() + " records up to " + consumer.position(at) + " of " + end);
                consumer.poll(Duration.ofMillis(100)).forEach(read::add);
            }
        }
        return read;
    }

    private static List<String> values(String topic, int partition, boolean committed) throws Exception {
        return read(topic, partition, committed).stream().map(ConsumerRecord::value).toList();
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    private static void becomes(Condition condition) throws Exception {
        var until = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > until) throw new AssertionError("it did not become so in " + PATIENCE);
            Thread.sleep(50);
        }
    }

    private static void equal(Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) throw new AssertionError("expected " + expected + ", got " + actual);
    }

    private static Exception throwsOne(List<Class<? extends Exception>> types, Case call) throws Exception {
        try {
            call.run();
        } catch (Exception e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause())
                for (var type : types)
                    if (type.isInstance(cause)) return e;
            throw new AssertionError("expected one of " + types + ", got " + e + " of " + e.getCause(), e);
        }
        throw new AssertionError("expected one of " + types + ", nothing was thrown");
    }
}
