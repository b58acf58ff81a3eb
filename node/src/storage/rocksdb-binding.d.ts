// Types of the native part of npm `rocksdb` (@nxtedition/rocksdb 12.2.12, binding.cc), as far as
// rocksdb.ts uses it; the package ships none.

declare module "rocksdb/binding.js" {
  type DatabaseContext = { readonly __context: "database" };
  type BatchContext = { readonly __context: "batch" };
  type IteratorContext = { readonly __context: "iterator" };
  type Callback = (error: Error | null | undefined) => void;

  interface Binding {
    db_init(locationOrHandle: string | bigint): DatabaseContext;
    /** Gives the columns at once, without a callback, when the database is open already. */
    db_open(context: DatabaseContext, options: object, callback: Callback): object | undefined;
    db_close(context: DatabaseContext, callback: Callback): void;
    db_get_handle(context: DatabaseContext): bigint;
    db_get_property(context: DatabaseContext, property: string): string;
    db_get_many_sync(
      context: DatabaseContext,
      keys: readonly Uint8Array[],
      options: object | undefined,
    ): (Uint8Array | undefined)[];
    /** Without a limit it writes one range tombstone. */
    db_clear(
      context: DatabaseContext,
      range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
    ): void;
    iterator_init(context: DatabaseContext, options: object): IteratorContext;
    iterator_seek(context: IteratorContext, target: Uint8Array): void;
    iterator_nextv_sync(
      context: IteratorContext,
      count: number,
    ): { readonly rows: (Uint8Array | undefined)[]; readonly finished: boolean };
    iterator_close(context: IteratorContext): void;
    batch_init(): BatchContext;
    batch_put(context: BatchContext, key: Uint8Array, value: Uint8Array, options: undefined): void;
    batch_del(context: BatchContext, key: Uint8Array, options: undefined): void;
    batch_clear(context: BatchContext): void;
    batch_write(database: DatabaseContext, batch: BatchContext, options: object): void;
  }

  const binding: Binding;

  export = binding;
}
