//! Well-formed clients, and such that go wrong in one byte, through the door.

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use super::{client_frames, read};
use crate::wire::websocket::decoder::Incoming;

/// What a client sends: its frames, and the messages that they are.
#[derive(Clone, Debug, Default)]
struct Sent {
    bytes: Vec<u8>,
    incoming: Vec<Incoming>,
}

impl Sent {
    fn frame(&mut self, opcode: OpCode, is_final: bool, mask: [u8; 4], payload: &[u8]) {
        let header = FrameHeader {
            is_final,
            opcode,
            mask: Some(mask),
            ..FrameHeader::default()
        };
        let frame = Frame::from_payload(header, payload.to_vec().into());
        frame.format(&mut self.bytes).unwrap();
    }

    /// A message in pieces that end at `cuts`, with a Ping behind each but the last.
    fn message(&mut self, incoming: Incoming, mask: [u8; 4], cuts: &[usize]) {
        let (kind, payload) = match &incoming {
            Incoming::Text(text) => (Data::Text, text.as_bytes()),
            Incoming::Binary(bytes) => (Data::Binary, &bytes[..]),
            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_) => panic!("{incoming:?}"),
        };
        let (mut kind, mut rest) = (kind, payload);
        for cut in cuts {
            let (piece, others) = rest.split_at((*cut).min(rest.len()));
            self.frame(OpCode::Data(kind), false, mask, piece);
            self.frame(OpCode::Control(Control::Ping), true, mask, &mask);
            self.incoming.push(Incoming::Ping(mask.to_vec()));
            (kind, rest) = (Data::Continue, others);
        }
        self.frame(OpCode::Data(kind), true, mask, rest);
        self.incoming.push(incoming);
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = ".{0,200}".prop_map(Incoming::Text);
    let binary = prop::collection::vec(any::<u8>(), 0..400).prop_map(Incoming::Binary);
    let cuts = prop::collection::vec(0..100_usize, 0..4);
    let message = (prop_oneof![text, binary], any::<[u8; 4]>(), cuts);
    prop::collection::vec(message, 0..5).prop_map(|messages| {
        let mut sent = Sent::default();
        for (incoming, mask, cuts) in messages {
            sent.message(incoming, mask, &cuts);
        }
        sent
    })
}

proptest! {
    #[test]
    fn what_a_client_of_tungstenite_sends_in_fragments_is_what_comes_out(sent in sent(), size in 1..500_usize) {
        let found = read(false, sent.bytes.chunks(size));
        prop_assert_eq!(found.incoming, sent.incoming);
        prop_assert_eq!(found.fault, None);
        client_frames(&sent.bytes);
    }

    #[test]
    fn a_client_that_goes_wrong_in_one_byte_is_read_as_tungstenite_reads_it(
        sent in sent(),
        at: prop::sample::Index,
        byte: u8,
        end: prop::sample::Index,
    ) {
        let mut bytes = sent.bytes;
        if !bytes.is_empty() {
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(end.index(bytes.len()) + 1);
        }
        client_frames(&bytes);
    }
}
