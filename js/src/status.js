// The words and tones of a run's status.

/** @type {Record<string, {tone: string, word: string}>} */
const STATUS = {
  planned: { tone: "muted", word: "planned" },
  running: { tone: "info", word: "running" },
  paused: { tone: "warning", word: "paused" },
  completed: { tone: "good", word: "completed" },
  stopped: { tone: "muted", word: "stopped" },
  diverged: { tone: "critical", word: "diverged" },
  failed: { tone: "critical", word: "failed" },
  interrupted: { tone: "warning", word: "interrupted" },
};

/** @param {string} status */
export function describeStatus(status) {
  return STATUS[status] ?? { tone: "muted", word: status || "not started" };
}

/** @param {string} status */
export function isLive(status) {
  return status === "running" || status === "paused";
}

/** @param {string | undefined} status */
export function isOver(status) {
  return !!status && status !== "planned" && !isLive(status);
}
