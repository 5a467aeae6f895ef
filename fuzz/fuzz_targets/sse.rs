//! Any bytes an upstream may send as an event stream: read in pieces, they give the same events as read at once, and
//! what is written back is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_gateway::family::chat::Chat;
use menshen_gateway::family::messages::Messages;
use menshen_gateway::family::responses::Responses;
use menshen_gateway::family::{Family, Request};
use menshen_gateway::sse::{Event, Parser};

fn read(pieces: &[&[u8]]) -> Option<Vec<Event>> {
    let mut parser = Parser::new(1 << 16);
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut events).ok()?;
    }
    parser.finish(&mut events).ok()?;
    Some(events)
}

fuzz_target!(|data: &[u8]| {
    let whole = read(&[data]);
    let (a, b) = data.split_at(data.len() / 2);
    assert_eq!(read(&[a, b]), whole);
    let Some(events) = whole else { return };
    let request = Request { choices: 1, ..Request::default() };
    for family in [&Chat as &dyn Family, &Messages, &Responses] {
        let mut wire = family.wire(&request, "fuzz");
        for event in &events {
            if let Ok(frame) = wire.read(event.clone()) {
                wire.released(&frame);
            }
        }
        wire.stop(Some("stopped"));
    }
});
