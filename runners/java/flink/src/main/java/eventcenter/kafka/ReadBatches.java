package eventcenter.kafka;

import java.util.concurrent.atomic.AtomicReference;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.io.Read;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.runners.TransformHierarchy.Node;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;

/**
 * KafkaIO's read, with many records in one element.
 *
 * <p>Beam's Flink runner spends some 40 microseconds of Java on each element of a source, whatever
 * its size: it updates all metrics of the step, and translates the element into its wire form and
 * back. The records are KafkaIO's, and so are offsets, checkpoints and watermark.
 */
final class ReadBatches extends PTransform<PBegin, PCollection<byte[]>> {
  private static final long serialVersionUID = 1;

  private final KafkaIO.Read<byte[], byte[]> records;

  ReadBatches(KafkaIO.Read<byte[], byte[]> records) {
    this.records = records;
  }

  @Override
  public PCollection<byte[]> expand(PBegin input) {
    PipelineOptions options = input.getPipeline().getOptions();
    return input.apply("Read", Read.from(new BatchedSource<>(source(options))));
  }

  /** Returns KafkaIO's own source, which it shows to nobody but a pipeline. */
  @SuppressWarnings("unchecked")
  private UnboundedSource<KafkaRecord<byte[], byte[]>, ?> source(PipelineOptions options) {
    Pipeline scratch = Pipeline.create(options);
    scratch.apply(records);
    AtomicReference<UnboundedSource<?, ?>> found = new AtomicReference<>();
    scratch.traverseTopologically(
        new Pipeline.PipelineVisitor.Defaults() {
          @Override
          public CompositeBehavior enterCompositeTransform(Node node) {
            if (node.getTransform() instanceof Read.Unbounded) {
              found.set(((Read.Unbounded<?>) node.getTransform()).getSource());
            }
            return CompositeBehavior.ENTER_TRANSFORM;
          }
        });
    if (found.get() == null) {
      throw new IllegalStateException(
          "KafkaIO reads by an UnboundedSource only with --experiments=use_deprecated_read");
    }
    return (UnboundedSource<KafkaRecord<byte[], byte[]>, ?>) found.get();
  }
}
