/** The names under which anything may come on an event stream of these tests. */
export const names = ["welcome", "heartbeat", "gap", "bye", "problem", "n"];

/** Tells `see` of all that an `EventSource`, or what looks like one, hands to its page. */
export function watch(source, see) {
  for (const name of names) {
    source.addEventListener(name, ({ data, lastEventId }) => see({ event: name, id: lastEventId, message: JSON.parse(data) }));
  }
  source.addEventListener("error", (why) => {
    const status = why?.status ?? why?.code ?? "error";
    // Some close themselves only after they have said so.
    queueMicrotask(() => see(source.readyState === 2 ? { refused: status } : { broken: true }));
  });
}
