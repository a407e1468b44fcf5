// What each client goes through. Every scenario gives the words of one cell, or throws.
import { check, equal } from "../harness.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How long a client is left idle: longer than it bears silence, and than the gateway does, in milliseconds. */
const IDLE = 8000;
/** How long a refused client is watched: longer than any of them waits before it asks again. */
const WATCHED = 6000;

/** One client from its first connect to the gateway's next life. `act` runs the scenario of a name. */
export async function story(seat, gateway, act, together) {
  const due = [];
  const { websocket, sse } = { [seat.client.transport]: true };
  const publish = async (payloads) => gateway.publishAll(seat.room, "n", payloads);
  const complete = (what) => seat.until(() => seat.ids.length >= due.length, what).then(() => equal(seat.ids, due, what));
  const cut = async (payloads) => {
    seat.door.cut();
    const ids = await publish(payloads);
    seat.door.release();
    return ids;
  };

  await act("connect", async () => {
    seat.start();
    await seat.until(() => seat.count("welcome"), "a welcome");
    due.push(...(await publish([0])));
    await complete("the first event");
    return "works";
  });

  await together.whenAllAreConnected();

  await act("resume", async () => {
    due.push(...(await cut([1, 2, 3])));
    await complete("what it missed, in order and once");
    equal(seat.count("gap"), 0, "gaps");
    check(seat.all("n").every(({ id, message }) => id === message.id), "the library gives each event's id");
    return "complete";
  });

  await act("heartbeat", async () => {
    const trouble = () => seat.seen.filter(({ broken, closed, ended }) => broken || closed || ended).length;
    const [beats, pings, before] = [seat.count("heartbeat"), seat.seen.filter(({ ping }) => ping).length, trouble()];
    await pause(IDLE);
    check(seat.count("heartbeat") - beats >= 2, "heartbeats came");
    equal(trouble(), before, "ends of the stream");
    due.push(...(await publish([4])));
    await complete("an event after the pause");
    if (sse) return "event";
    if (!websocket) return "empty answer";
    check(seat.client.program !== "ws" || seat.seen.filter(({ ping }) => ping).length > pings, "Pings came");
    return "message, Ping";
  });

  await act("gap", async () => {
    const missed = await cut([5, 6, 7, 8, 9, 10, 11, 12, 13]);
    due.push(...missed.slice(-5));
    await complete("what is held still");
    const gaps = seat.all("gap").map(({ message }) => [message.room, message.reason, message.to]);
    equal(gaps, [[seat.room, "evicted", missed.at(-6)]], "gaps");
    return "told";
  });

  const before = await together.beforeTheStop();
  await act("drain", async () => {
    const bye = (await seat.until(() => seat.count("bye") && seat.all("bye"), "bye"))[0].message;
    equal([bye.code, bye.reconnect], ["draining", true], "bye");
    if (websocket) await seat.until(() => seat.seen.some(({ closed }) => closed === 3001), "3001");
    await seat.until(() => seat.door.attempts > before.get(seat), "that it comes back");
    return `\`bye\`,${websocket ? " 3001," : ""} comes back`;
  });
  await together.afterTheStart();

  await act("restart", async () => {
    await seat.until(() => seat.count("gap") > 1, "a gap");
    const { room, reason } = seat.all("gap")[1].message;
    equal([room, reason], [seat.room, "epoch"], "the gap");
    due.push(...(await publish([14])));
    await complete("an event of the new life");
    equal(seat.count("gap"), 2, "gaps");
    return "gap, goes on";
  });
}

/** One client with a wrong key: what it sees, and whether it asks again. */
export async function refused(seat, act) {
  await act("refused", async () => {
    seat.start();
    const requests = () => Math.max(seat.door.attempts, ...["asked", "refused", "broken", "closed"].map((what) => seat.seen.filter((one) => one[what]).length));
    const verdict = () => seat.seen.find(({ refused, closed }) => refused || closed);
    await seat.until(() => verdict() || requests() > 1, "a refusal");
    await pause(WATCHED);
    if (requests() > 1) return "asks again and again";
    return `${verdict().refused ?? verdict().closed}, stays away`;
  });
}

/** One client before a full gateway: what it sees, and whether it comes in when there is room. */
export async function overloaded(seat, act, together) {
  const { websocket, sse } = { [seat.client.transport]: true };
  const told = async () => {
    seat.start();
    if (!websocket && !sse) return (await seat.until(() => seat.seen.find(({ refused }) => refused), "a refusal")).refused;
    const name = sse ? "problem" : "error";
    await seat.until(() => seat.count(name), "why not");
    equal(seat.all(name)[0].message.code, "overloaded", "why not");
    return sse ? "`problem`" : (await seat.until(() => seat.seen.find(({ closed }) => closed), "a close")).closed;
  };
  await act("overloaded", async () => {
    const words = await told().finally(together.whenAllWereRefused);
    await seat.until(() => seat.count("welcome"), "a welcome");
    return `${words}, comes back`;
  });
}

/** How many streams of one origin a page has at once. */
export async function eight(seat, gateway) {
  seat.start();
  await seat.until(() => seat.count("welcome") >= 6, "six streams");
  // A seventh and an eighth would have come with them.
  await pause(2000);
  await gateway.publish(seat.room, "n", 0);
  await seat.until(() => seat.count("n") >= seat.count("welcome"), "the event on each");
  return `${seat.count("n")} of 8`;
}
