//! The little of HTTP/1.1 that both ends share.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

pub(crate) type Headers = Vec<(String, String)>;

pub(crate) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

/// The first line and the headers; `None` when the other end closed before it said anything.
pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Headers)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut headers = Headers::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Some((first.trim_end().to_owned(), headers)));
        }
        if let Some((name, value)) = line.trim_end().split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// How the rest of a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Sized(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    pub(crate) fn of(headers: &Headers, without: Framing) -> Framing {
        if header(headers, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        header(headers, "content-length").and_then(|v| v.parse().ok()).map_or(without, Framing::Sized)
    }
}

/// Reads the next piece of a body: `Ok(None)` at its proper end, an error where it breaks off.
pub(crate) fn read_piece(reader: &mut BufReader<TcpStream>, framing: &mut Framing) -> std::io::Result<Option<Vec<u8>>> {
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    match framing {
        Framing::Sized(0) => Ok(None),
        Framing::Sized(left) => {
            let mut piece = vec![0; (*left).min(64 << 10)];
            let read = reader.read(&mut piece)?;
            if read == 0 {
                return Err(cut());
            }
            *left -= read;
            piece.truncate(read);
            Ok(Some(piece))
        }
        Framing::UntilClose => {
            let mut piece = vec![0; 64 << 10];
            let read = reader.read(&mut piece)?;
            piece.truncate(read);
            Ok((read > 0).then_some(piece))
        }
        Framing::Chunked => {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(cut());
            }
            let size = line.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(std::io::Error::other)?;
            let mut piece = vec![0; size + 2];
            reader.read_exact(&mut piece)?;
            piece.truncate(size);
            Ok((size > 0).then_some(piece))
        }
    }
}
