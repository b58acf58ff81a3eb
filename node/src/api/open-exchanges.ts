/**
 * The exchanges that have no answer yet. An array whose places are given away again and not a Set:
 * V8 links each table that a Set outgrows to the next one, so once one of them is old, requests
 * that were answered long ago are kept and copied by the young generation's collector.
 */

/** What is kept knows its place, so that it is found without a search. */
export interface Placed {
  /** Set by `OpenExchanges` alone. */
  place: number;
}

export class OpenExchanges<T extends Placed> {
  readonly #list: T[] = [];

  get size(): number {
    return this.#list.length;
  }

  add(exchange: T): void {
    exchange.place = this.#list.length;
    this.#list.push(exchange);
  }

  /** One that is not in is passed over. */
  delete(exchange: T): void {
    const { place } = exchange;
    if (this.#list[place] !== exchange) return;
    const last = this.#list.pop();
    if (last === undefined || last === exchange) return;
    this.#list[place] = last;
    last.place = place;
  }

  /** In no order. */
  values(): Iterable<T> {
    return this.#list;
  }
}
