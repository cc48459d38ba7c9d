package eventcenter.kafka;

import java.util.Map;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.joda.time.Duration;

/** Makes {@link ReadBatches} known to an expansion service. */
public final class ReadBatchesRegistrar implements ExternalTransformRegistrar {
  /** What the step is called by; pipeline/kafka/batches.py asks for it. */
  public static final String URN = "eventcenter:kafka_read_batches:v1";

  @Override
  public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
    return Map.of(URN, new Builder());
  }

  /** What Python says of the read. */
  public static final class Configuration {
    private String topic;
    private Map<String, String> consumerConfig;
    private boolean ordered;

    /** Sets the topic. */
    public void setTopic(String topic) {
      this.topic = topic;
    }

    /** Sets the consumer's settings, bootstrap.servers among them. */
    public void setConsumerConfig(Map<String, String> consumerConfig) {
      this.consumerConfig = consumerConfig;
    }

    /**
     * Sets whether event time is that of the records, each partition's in order; else it is the
     * clock's.
     */
    public void setOrdered(Boolean ordered) {
      this.ordered = ordered;
    }
  }

  private static final class Builder
      implements ExternalTransformBuilder<Configuration, PBegin, PCollection<byte[]>> {
    @Override
    public PTransform<PBegin, PCollection<byte[]>> buildExternal(Configuration of) {
      KafkaIO.Read<byte[], byte[]> records =
          KafkaIO.readBytes()
              .withTopic(of.topic)
              .withConsumerConfigUpdates(Map.copyOf(of.consumerConfig));
      return new ReadBatches(
          of.ordered ? records.withCreateTime(Duration.ZERO) : records.withProcessingTime());
    }
  }
}
