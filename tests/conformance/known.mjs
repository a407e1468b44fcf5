/** The cases of h2spec that fail by wire, and why that stays so. */
export const known = {
  clear: {
    "http2/3.5/2": "A clear port speaks HTTP/1.1 too, so what does not begin with HTTP/2's preface is read as that: the answer is HTTP/1.1's 400 and the end of the connection. The case wants the end alone.",
  },
};
