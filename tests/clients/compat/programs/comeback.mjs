// What a program does whose library does not come back by itself: it waits a little and asks again, with its cursor.
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Opens a stream with `open(cursor)` again and again, until that says "stay away".
 * `open` resolves when its stream has ended, to that or to nothing, and sets `cursor` as it reads.
 */
export async function comeBack(open) {
  const position = { cursor: null };
  while ((await open(position)) !== "stay away") await pause(500);
}

/** The address of a stream that goes on after `cursor`. */
export const after = (url, cursor) => (cursor ? `${url}&since=${cursor}` : url);

/** Whether a WebSocket's close code, or a status, says that time heals it. */
export const heals = (code) => (code >= 1000 ? code < 3500 : code === 408 || code === 429 || code >= 500);

/** Tells `see` of one message of a WebSocket, and keeps its position. */
export function read(text, position, see) {
  const message = JSON.parse(text);
  position.cursor = message.id ?? message.cursor ?? position.cursor;
  see({ event: message.type ?? message.event, id: message.id, message });
}
