#!/usr/bin/env bash
# gatecast with nothing but bash and curl: publish from a script, and follow a room without losing anything.
#
#   export GATEWAY=http://127.0.0.1:8080 KEY=…
#   examples/curl.sh publish units checkin '{"unit": 7}'
#   examples/curl.sh follow units units.cursor
#
# `follow` writes a line for each event, EVENT and its envelope, and keeps in a file how far it is: ended and started
# again, it goes on where it stopped.
set -euo pipefail

gateway=${GATEWAY:-http://127.0.0.1:8080}
key=${KEY:?set KEY to an API key}

# Publishes one event and prints its id. One key for one event: whoever repeats this call after a failure may send the
# same `Idempotency-Key`, and the event is there once.
publish() {
  curl -sS --fail-with-body -H "X-API-Key: $key" -H "Idempotency-Key: ${ONCE:-$(date +%s%N)-$$}" \
    -d "{\"event\": \"$2\", \"data\": $3}" "$gateway/v1/rooms/$1/events"
  echo
}

# Reads one event stream to its end. An event counts, and moves the cursor, when its empty line has come.
read_stream() {
  local room=$1 file=$2 line event="" data="" id=""
  local resume=()
  [ ! -s "$file" ] || resume=(-H "Last-Event-ID: $(cat "$file")")
  # Three heartbeats: a stream that is silent for longer is dead, whatever the network says.
  coproc STREAM {
    exec curl -sN --fail-with-body --speed-limit 1 --speed-time 45 -H "X-API-Key: $key" \
      -H 'Accept: text/event-stream' ${resume[@]+"${resume[@]}"} "$gateway/v1/stream?room=$room"
  }
  local pid=$STREAM_PID
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      "event: "*) event=${line#event: } ;;
      "data: "*) data=${line#data: } ;;
      "id: "*) id=${line#id: } ;;
      "{"*) echo "refused: $line" >&2 ;; # the problem is the body, without a line end
      "")
        case $event in
          welcome | heartbeat | bye) ;;
          gap) echo "missing: $data" >&2 ;;
          *) printf '%s %s\n' "$event" "$data" ;;
        esac
        [ -z "$id" ] || printf '%s' "$id" >"$file"
        event="" data="" id=""
        ;;
    esac
  done <&"${STREAM[0]}"
  wait "$pid"
}

follow() {
  local file=${2:-$(mktemp)} code
  while :; do
    code=0
    read_stream "$1" "$file" || code=$?
    # 22: refused, and the same attempt will be refused again. Everything else passes: a restart, a network that is away.
    [ "$code" != 22 ] || exit 1
    echo "the stream ended (curl says $code)" >&2
    sleep "$((1 + RANDOM % 3))"
  done
}

case ${1:-} in
  publish) publish "$2" "$3" "${4:-null}" ;;
  follow) follow "$2" "${3:-}" ;;
  *)
    echo "usage: $0 publish ROOM EVENT [JSON] | follow ROOM [CURSOR-FILE]" >&2
    exit 2
    ;;
esac
