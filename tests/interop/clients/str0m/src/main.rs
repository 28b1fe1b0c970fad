// str0m: publishes an RTP dump, or counts what it is sent. See ../../../README.md for the contract.
use std::io::{BufRead, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

const OPUS: u8 = 111; // str0m's number
const CLIP_S: u32 = 2;

struct Session { url: String, token: String, location: String, answer: String, posted: Option<Instant>, audio: u64, video: u64 }

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r").replace('\n', "\\n"))
}

impl Session {
    fn say(&self, event: &str, more: &str) {
        println!("{{\"event\": \"{event}\", \"t_ms\": {}{more}}}", self.posted.map_or(0, |t| t.elapsed().as_millis()));
    }

    /// Status, head and body. `path` is absolute.
    fn request(&self, method: &str, path: &str, more: &str, body: &str) -> (u16, String, String) {
        let authority = self.url[7..].split('/').next().unwrap();
        let mut socket = TcpStream::connect(authority).unwrap();
        let token = if self.token.is_empty() { String::new() } else { format!("Authorization: Bearer {}\r\n", self.token) };
        write!(socket, "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{token}{more}Content-Length: {}\r\n\r\n{body}",
               body.len()).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), head.to_string(), body.to_string())
    }

    fn post(&mut self, offer: &str) -> String {
        let path = self.url[self.url[7..].find('/').unwrap() + 7..].to_string();
        self.posted = Some(Instant::now());
        let (status, head, body) = self.request("POST", &path, "Content-Type: application/sdp\r\n", offer);
        if status != 201 {
            self.say("refused", &format!(", \"status\": {status}, \"body\": {}, \"offer\": {}", quoted(&body), quoted(offer)));
            std::process::exit(2);
        }
        let location = head.lines().find(|l| l.to_lowercase().starts_with("location:")).unwrap()[9..].trim();
        let (mut base, mut rest) = (&path[..path.rfind('/').unwrap()], location);
        while let Some(below) = rest.strip_prefix("../") {
            (base, rest) = (&base[..base.rfind('/').unwrap_or(0)], below);
        }
        self.location = if location.starts_with('/') { location.into() } else { format!("{base}/{rest}") };
        self.say("posted", &format!(", \"answer\": {}", quoted(&body)));
        self.answer = body.clone();
        body
    }

    /// RFC 9725 section 4.3.3: new credentials in a PATCH. The old answer, with the relay's new ones.
    fn restart(&mut self, offer: &str) -> Option<String> {
        let line = |text: &str, name: &str| text.lines().find(|l| l.starts_with(name)).unwrap_or("").to_string();
        let section = &offer[offer.find("m=").unwrap()..];
        let lines = [line(offer, "a=ice-ufrag:"), line(offer, "a=ice-pwd:"), line(section, "m="), line(section, "a=mid:"), String::new()];
        let more = "Content-Type: application/trickle-ice-sdpfrag\r\nIf-Match: *\r\n";
        let (status, _, fragment) = self.request("PATCH", &self.location, more, &lines.join("\r\n"));
        if status != 200 {
            self.say("restart_refused", &format!(", \"status\": {status}, \"body\": {}", quoted(&fragment)));
            return None;
        }
        let answer: Vec<String> = self.answer.lines().map(|l| match l.split(':').next() {
            Some(name @ ("a=ice-ufrag" | "a=ice-pwd")) => line(&fragment, &format!("{name}:")),
            _ => l.to_string(),
        }).collect();
        self.answer = answer.join("\r\n") + "\r\n";
        self.say("restarted", "");
        Some(self.answer.clone())
    }

    fn count(&mut self, audio: bool) {
        if self.audio + self.video == 0 { self.say("first_packet", ""); }
        if audio { self.audio += 1 } else { self.video += 1 }
    }
}

struct Clip { mid: Mid, audio: bool, packets: Vec<(u32, Vec<u8>)>, next: u64 }

impl Clip {
    fn read(mid: Mid, audio: bool, path: &str) -> Clip {
        let data = std::fs::read(path).unwrap();
        let mut at = data.iter().position(|&b| b == b'\n').unwrap() + 17;
        let mut packets = vec![];
        while at < data.len() {
            let size = u16::from_be_bytes([data[at], data[at + 1]]) as usize;
            packets.push((u32::from_be_bytes(data[at + 4..at + 8].try_into().unwrap()), data[at + 8..at + size].to_vec()));
            at += size;
        }
        Clip { mid, audio, packets, next: 0 }
    }

    /// What is due `now` after the start; numbers and times go on from turn to turn.
    fn send(&mut self, rtc: &mut Rtc, since: Duration, session: &mut Session) {
        loop {
            let turn = (self.next / self.packets.len() as u64) as u32;
            let (offset_ms, packet) = &self.packets[(self.next % self.packets.len() as u64) as usize];
            if Duration::from_millis((turn * CLIP_S * 1000 + offset_ms) as u64) > since { return; }
            let Some(pt) = rtc.media(self.mid).and_then(|m| m.remote_pts().first().copied()) else { return };
            let clock_hz = if self.audio { 48000 } else { 90000 };
            let time = u32::from_be_bytes(packet[4..8].try_into().unwrap()) + turn * CLIP_S * clock_hz;
            let write = RtpWrite::new(pt, (1000 + self.next).into(), time, Instant::now(), packet[12..].to_vec())
                .marker(packet[1] & 128 != 0).nackable(!self.audio);
            if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.mid, None) { stream.write_rtp(write); session.count(self.audio); }
            self.next += 1;
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: &str| words.iter().position(|w| w == name).map_or(default.to_string(), |i| words[i + 1].clone());
    let (publish, codec, media) = (words[1] == "publish", option("--codec", "vp8"), option("--media", "."));
    let mut session = Session { url: words[2].clone(), token: option("--token", ""), location: String::new(), answer: String::new(),
                                posted: None, audio: 0, video: 0 };
    let until = Instant::now() + Duration::from_secs_f64(option("--seconds", "3600").parse().unwrap());

    let authority = session.url[7..].split('/').next().unwrap();
    let local = TcpStream::connect(authority).unwrap().local_addr().unwrap().ip();
    let socket = UdpSocket::bind((local, 0)).unwrap();
    let builder = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false);
    let mut rtc = match codec.as_str() { "h264" => builder.enable_h264(true), "vp9" => builder.enable_vp9(true), _ => builder.enable_vp8(true) }
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let way = if publish { Direction::SendOnly } else { Direction::RecvOnly };
    let mut change = rtc.sdp_api();
    let mids = [MediaKind::Audio, MediaKind::Video].map(|kind| change.add_media(kind, way, None, None, None));
    let (offer, pending) = change.apply().unwrap();
    let answer = session.post(&offer.to_sdp_string());
    accept(&mut rtc, pending, &answer);
    let mut clips = if publish { vec![Clip::read(mids[0], true, &format!("{media}/opus.rtpdump")),
                                      Clip::read(mids[1], false, &format!("{media}/{codec}.rtpdump"))] } else { vec![] };
    let (sender, commands) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() { sender.send(line.unwrap()).unwrap(); }
        let _ = sender.send("stop".into());
    });

    let (mut connected, mut told) = (None, Instant::now());
    while Instant::now() < until {
        match commands.try_recv().as_deref() {
            Ok("restart") => {
                let mut change = rtc.sdp_api();
                change.ice_restart(true);
                let (offer, pending) = change.apply().unwrap();
                if let Some(answer) = session.restart(&offer.to_sdp_string()) { accept(&mut rtc, pending, &answer); }
            }
            Ok(_) => break,
            Err(_) => {}
        }
        if told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            session.say("stats", &format!(", \"audio\": {}, \"video\": {}", session.audio, session.video));
        }
        if let Some(begun) = connected { for clip in &mut clips { clip.send(&mut rtc, Instant::now() - begun, &mut session); } }
        step(&mut rtc, &socket, &mut session, &mut connected);
    }
    session.request("DELETE", &session.location, "", "");
}

fn accept(rtc: &mut Rtc, pending: SdpPendingOffer, answer: &str) {
    rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(answer).unwrap()).unwrap();
}

/// Sends what there is to send, then waits for a datagram, 5 ms at most.
fn step(rtc: &mut Rtc, socket: &UdpSocket, session: &mut Session, connected: &mut Option<Instant>) {
    if rtc.handle_input(Input::Timeout(Instant::now())).is_err() { return; }
    loop {
        match rtc.poll_output() {
            Ok(Output::Transmit(t)) => { let _ = socket.send_to(&t.contents, t.destination); }
            Ok(Output::Event(Event::Connected)) => { *connected = Some(Instant::now()); session.say("connected", ""); }
            Ok(Output::Event(Event::RtpPacket(p))) => session.count(*p.header.payload_type == OPUS),
            Ok(Output::Event(Event::Closed)) => session.say("ended", ", \"state\": \"closed\""),
            Ok(Output::Event(Event::IceConnectionStateChange(IceConnectionState::Disconnected))) => session.say("ended", ", \"state\": \"disconnected\""),
            Ok(Output::Event(_)) => {}
            Ok(Output::Timeout(_)) | Err(_) => break,
        }
    }
    let mut buffer = [0; 2000];
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    if let Ok((size, source)) = socket.recv_from(&mut buffer) {
        if let Ok(contents) = buffer[..size].try_into() {
            let _ = rtc.handle_input(Input::Receive(Instant::now(), Receive { proto: Protocol::Udp, source, destination: socket.local_addr().unwrap(), contents }));
        }
    }
}
