/** The shipped store with the checker looking over its shoulder; it changes nothing. */
import type { IncomingSnapshot, SnapshotSink, Store } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import type { NodeWatch } from "./node-watch.test-kit.ts";

export const observeStore = (store: Store, watch: NodeWatch, coverage: Coverage): Store => ({
  reader: store.reader,
  append: (write, done) => {
    watch.writing(write);
    store.append(write, () => {
      watch.wrote();
      done();
    });
  },
  apply: (index, done) => {
    store.apply(index, (applied) => {
      watch.applied(applied);
      done(applied);
    });
  },
  readEntries: (...request) => {
    coverage.count("log reads for followers");
    store.readEntries(...request);
  },
  compactLog: (index, done) => {
    store.compactLog(index, (compacted) => {
      coverage.count("log trims");
      watch.compacted(compacted.index);
      done(compacted);
    });
  },
  openSnapshot: (done) => {
    coverage.count("snapshots opened");
    store.openSnapshot(done);
  },
  beginInstall: (metadata, done) => {
    store.beginInstall(metadata, (sink) => done(observeSink(sink, metadata, watch)));
  },
  stats: () => store.stats(),
});

const observeSink = (
  sink: SnapshotSink,
  metadata: IncomingSnapshot["metadata"],
  watch: NodeWatch,
): SnapshotSink => ({
  write: (chunk, done) => sink.write(chunk, done),
  install: (done) => {
    sink.install((outcome) => {
      if (outcome !== null) {
        watch.installed(metadata);
        watch.installedState(outcome.summary);
      }
      done(outcome);
    });
  },
  abort: () => sink.abort(),
});
