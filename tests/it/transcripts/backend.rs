//! The backend of the page on emits: it takes notes, lets nobody remove one, and shows a table's to who follows it.

use gatecast::lifecycle::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Begins to serve, and says where.
pub(super) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::default();
    let connections = tasks.clone();
    tasks.spawn("backend", async move {
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn("connection", async move {
                serve(BufReader::new(stream)).await;
            });
        }
    });
    address.to_string()
}

async fn serve(mut stream: BufReader<TcpStream>) {
    while let Some(body) = read(&mut stream).await {
        let answer = answer(&body).to_string();
        let length = answer.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}

fn answer(asked: &Value) -> Value {
    match asked["event"].as_str() {
        Some("note:add") => json!({"ack": {"note": 17}}),
        Some("note:follow") => {
            let room = format!("table:{}", asked["data"]["table"]);
            json!({"do": [{"type": "join", "room": room}]})
        }
        _ => json!({"refuse": {"code": "not_yours", "message": "only its author removes a note"}}),
    }
}
