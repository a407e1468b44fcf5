import { fetchEventSource } from "/npm/@microsoft/fetch-event-source/lib/esm/index.js";

/** With its own `onopen` and `onerror`: what they do is what a page gets that gives none. */
export function run({ url }, see) {
  fetchEventSource(url, {
    openWhenHidden: true,
    onmessage: ({ event, id, data }) => see({ event, id, message: JSON.parse(data) }),
    onerror: () => see({ broken: true }),
    onclose: () => see({ ended: true }),
  });
}
