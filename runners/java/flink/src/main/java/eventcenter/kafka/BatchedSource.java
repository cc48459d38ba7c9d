package eventcenter.kafka;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.options.PipelineOptions;

/**
 * A source of records as a source of batches of them.
 *
 * @param <M> what the source of records keeps in a checkpoint.
 */
final class BatchedSource<M extends CheckpointMark> extends UnboundedSource<byte[], M> {
  /** Checkpoints hold it. */
  private static final long serialVersionUID = 1;

  private final UnboundedSource<KafkaRecord<byte[], byte[]>, M> records;

  BatchedSource(UnboundedSource<KafkaRecord<byte[], byte[]>, M> records) {
    this.records = records;
  }

  @Override
  public List<BatchedSource<M>> split(int desiredNumSplits, PipelineOptions options)
      throws Exception {
    List<BatchedSource<M>> parts = new ArrayList<>();
    for (UnboundedSource<KafkaRecord<byte[], byte[]>, M> part :
        records.split(desiredNumSplits, options)) {
      parts.add(new BatchedSource<>(part));
    }
    return parts;
  }

  @Override
  public UnboundedReader<byte[]> createReader(PipelineOptions options, M mark)
      throws IOException {
    return new BatchedReader(this, records.createReader(options, mark), System::nanoTime);
  }

  @Override
  public Coder<M> getCheckpointMarkCoder() {
    return records.getCheckpointMarkCoder();
  }

  @Override
  public Coder<byte[]> getOutputCoder() {
    return ByteArrayCoder.of();
  }

  @Override
  public void validate() {
    records.validate();
  }
}
