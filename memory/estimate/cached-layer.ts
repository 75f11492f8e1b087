/** The row of one layer in a cache: the widths of its keys and values, in elements. */
export interface CachedLayer {
  readonly sliding: boolean;
  readonly keyWidth: number;
  readonly valueWidth: number;
  /** How many tokens are one cell. Default: 1. */
  readonly ratio?: number;
  /** It belongs to the cache of an indexer, which lies apart from the others. */
  readonly indexer?: true;
}
