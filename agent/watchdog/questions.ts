/** What the agent's main part has asked its watchdog, and whether that has answered. */
export interface Questions {
  /** Whether the question about this pid needs no more waiting. Asks it the first time. */
  readonly settled: (pid: number) => boolean;
  /** Takes the last number that the watchdog has heard. Returns whether it is news. */
  readonly answer: (question: number) => boolean;
  /** Forgets all: who was asked has ended. */
  readonly forget: () => void;
}

/** @param patienceMs after which a question counts as answered */
export function openQuestions(ask: (question: number) => void, clock: () => number, patienceMs: number): Questions {
  let [asked, answered] = [0, 0];
  const open = new Map<number, { readonly question: number; readonly at: number }>();
  return {
    settled: (pid) => {
      const before = open.get(pid);
      if (before === undefined) {
        asked += 1;
        open.set(pid, { question: asked, at: clock() });
        ask(asked);
        return false;
      }
      if (before.question > answered && clock() - before.at <= patienceMs) return false;
      open.delete(pid);
      return true;
    },
    answer: (question) => {
      const news = question > answered;
      answered = question;
      return news;
    },
    forget: () => open.clear(),
  };
}
