//! An event stream that arrives in pieces: a block counts once its blank line is there (WHATWG HTML §9.2.6).

/// What has arrived of a block.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<u8>);

impl Blocks {
    /// Takes more bytes, and gives the blocks that are whole, without their blank lines.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend(bytes);
        let mut blocks = Vec::new();
        while let Some(end) = self.0.windows(2).position(|at| at == b"\n\n") {
            let block: Vec<u8> = self.0.drain(..end + 2).collect();
            blocks.push(String::from_utf8_lossy(&block[..end]).into_owned());
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_without_its_blank_line_never_was() {
        let text = "event: a\ndata: 1\nid: x\n\ndata: 2\n\ndata: cut\nid: y\n";
        let whole = Blocks::default().feed(text.as_bytes());
        let mut blocks = Blocks::default();
        let single: Vec<_> = text.bytes().flat_map(|byte| blocks.feed(&[byte])).collect();
        assert_eq!(whole, ["event: a\ndata: 1\nid: x", "data: 2"]);
        assert_eq!(whole, single);
    }
}
