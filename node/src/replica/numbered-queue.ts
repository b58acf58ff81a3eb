/**
 * Items that are numbered as they come and go out in about that order. A Map from number to item
 * would do, but V8 links each table that a Map outgrows to the next one: once one of them is old,
 * every later one is kept with all that was in it, and the young generation's collector copies what
 * is long done with. Its memory is that of the longest time an item stays.
 */
export class NumberedQueue<T extends object> {
  #items: (T | undefined)[] = [];
  /** The number of `#items[0]`. */
  #first = 0;
  /** What is before it has gone out and waits to be given back. */
  #head = 0;
  #size = 0;

  /** Items that are in. */
  get size(): number {
    return this.#size;
  }

  /** The number that the next item gets. */
  get next(): number {
    return this.#first + this.#items.length;
  }

  /** @returns the item's number: from 0, and never given twice */
  push(item: T): number {
    const number = this.next;
    this.#items.push(item);
    this.#size += 1;
    return number;
  }

  /** Undefined for a number that was never given, or whose item has gone out. */
  get(number: number): T | undefined {
    return this.#items[number - this.#first];
  }

  /** Takes an item out. */
  take(number: number): T | undefined {
    const item = this.get(number);
    if (item === undefined) return undefined;
    this.#items[number - this.#first] = undefined;
    this.#size -= 1;
    while (this.#head < this.#items.length && this.#items[this.#head] === undefined)
      this.#head += 1;
    if (this.#head * 2 > this.#items.length) this.#giveBack();
    return item;
  }

  /** Takes all out; numbers go on. */
  clear(): void {
    this.#first = this.next;
    this.#items = [];
    this.#head = 0;
    this.#size = 0;
  }

  /** Those that are in, in order; items may be taken out meanwhile. */
  *values(): Generator<T, void> {
    for (let number = this.#first + this.#head; number < this.next; number += 1) {
      const item = this.get(number);
      if (item !== undefined) yield item;
    }
  }

  #giveBack(): void {
    this.#items = this.#items.slice(this.#head);
    this.#first += this.#head;
    this.#head = 0;
  }
}
