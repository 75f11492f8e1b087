/** A Mac as placement sees it: what the scheduler knows of its Node. */
export interface Host {
  readonly name: string;
  /** Whole bytes that all pods on it together may request. */
  readonly allocatableBytes: number;
  readonly allocatablePods: number;
  /** Whole MiB that a fraction is a fraction of; undefined where the Node does not say. */
  readonly memoryMiB: number | undefined;
  /** Whole MiB of Metal's working set; undefined without Metal. */
  readonly workingSetMiB: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Cordoned. */
  readonly unschedulable: boolean;
  /** Its agent has been heard of lately. */
  readonly isReady: boolean;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  /** `NoSchedule` and `NoExecute` keep pods away, `PreferNoSchedule` does not. */
  readonly effect: string;
}
