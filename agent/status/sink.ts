import type { AgentStatus, WorkloadStatus } from "./status.ts";

/** Where status goes: a file, the log, HTTP; the status of a pod, events. */
export interface StatusSink {
  /** For the log: `the status file`. */
  readonly name: string;
  /** The status after a tick. One that comes while another is being written may be left out, but never the last one. */
  publish(status: AgentStatus): Promise<void>;
  /** The last that is said of a workload, which is in no status any more. Never left out. */
  terminated(last: WorkloadStatus): Promise<void>;
}

/** All sinks as one. Nobody waits for them but `flush`; what one of them throws is said and stops no other. */
export interface StatusSinks {
  publish(status: AgentStatus): void;
  terminated(last: WorkloadStatus): void;
  /** Waits until everything was delivered, `milliseconds` at most: a sink that hangs must not keep the agent from ending. */
  flush(milliseconds: number): Promise<void>;
}

/** @param say takes one sentence about a sink that fails: once, until it fails otherwise or has worked again */
export function statusSinks(sinks: readonly StatusSink[], say: (message: string) => void): StatusSinks {
  const lines = sinks.map((sink) => deliveryLine(sink, say));
  return {
    publish: (status) => {
      for (const line of lines) line.publish(status);
    },
    terminated: (last) => {
      for (const line of lines) line.terminated(last);
    },
    flush: async (milliseconds) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
      await Promise.race([Promise.all(lines.map(({ idle }) => idle())), late]);
      clearTimeout(timer);
    },
  };
}

/** One delivery at a time, in order; of statuses that wait only the newest is kept. */
function deliveryLine(sink: StatusSink, say: (message: string) => void) {
  let failure: string | undefined;
  const ended: WorkloadStatus[] = [];
  let newest: AgentStatus | undefined;
  let delivering: Promise<void> | undefined;
  const deliver = async () => {
    for (;;) {
      const last = ended.shift();
      const status = newest;
      if (last === undefined && status === undefined) return;
      if (last === undefined) newest = undefined;
      try {
        if (last !== undefined) await sink.terminated(last);
        else if (status !== undefined) await sink.publish(status);
        failure = undefined;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== failure) say(`${sink.name} cannot be written: ${message}`);
        failure = message;
      }
    }
  };
  const begin = () => {
    delivering ??= deliver().finally(() => (delivering = undefined));
  };
  return {
    publish: (status: AgentStatus) => {
      newest = status;
      begin();
    },
    terminated: (last: WorkloadStatus) => {
      ended.push(last);
      begin();
    },
    idle: async () => {
      while (delivering !== undefined) await delivering;
    },
  };
}
