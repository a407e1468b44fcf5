/** The events of an event stream's text, as it comes: each whole block once. */
export class Blocks {
  #rest = "";

  *push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("data")) yield { event: field("event"), id: field("id"), message: JSON.parse(field("data")) };
    }
  }
}
