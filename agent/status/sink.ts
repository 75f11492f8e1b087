import { errorText } from "../../api/error-code.ts";
import type { AgentStatus, WorkloadStatus } from "./status.ts";

/** A receiver of the status: a file, the log or HTTP; later the status of pods, and events. */
export interface StatusSink {
  /** For log messages: `the status file`. */
  readonly name: string;
  /** Delivers the status after a tick. While one delivery is under way, only the newest of the statuses that follow is kept. */
  publish(status: AgentStatus): Promise<void>;
  /** Delivers the last status of a workload that is gone, and appears in no later status. Never skipped. */
  terminated(last: WorkloadStatus): Promise<void>;
}

/** All sinks together. Deliveries run in the background; an error in one sink is logged and does not affect the others. */
export interface StatusSinks {
  publish(status: AgentStatus): void;
  terminated(last: WorkloadStatus): void;
  /** Waits for all deliveries, but `milliseconds` at most, so that a sink that hangs does not keep the agent from ending. */
  flush(milliseconds: number): Promise<void>;
}

/** @param say gets one sentence about a sink that fails, and another one only after it fails differently or has worked again */
export function statusSinks(sinks: readonly StatusSink[], say: (message: string) => void): StatusSinks {
  const queues = sinks.map((sink) => deliveryQueue(sink, say));
  return {
    publish: (status) => {
      for (const queue of queues) queue.publish(status);
    },
    terminated: (last) => {
      for (const queue of queues) queue.terminated(last);
    },
    flush: async (milliseconds) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
      await Promise.race([Promise.all(queues.map(({ idle }) => idle())), late]);
      clearTimeout(timer);
    },
  };
}

/** Delivers to one sink, one at a time: first all that are terminated, then the newest of the statuses that wait. */
function deliveryQueue(sink: StatusSink, say: (message: string) => void) {
  let failure: string | undefined;
  const ended: WorkloadStatus[] = [];
  let newest: AgentStatus | undefined;
  let delivering: Promise<void> | undefined;
  const deliver = async () => {
    for (;;) {
      const last = ended.shift();
      const status = newest;
      if (last === undefined && status === undefined) {
        delivering = undefined;
        return;
      }
      if (last === undefined) newest = undefined;
      try {
        if (last !== undefined) await sink.terminated(last);
        else if (status !== undefined) await sink.publish(status);
        failure = undefined;
      } catch (error) {
        // The code alone: a message may name a temporary file, another one each time.
        const message = errorText(error);
        if (message !== failure) say(`${sink.name} cannot be written: ${message}`);
        failure = message;
      }
    }
  };
  const begin = () => {
    delivering ??= deliver();
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
