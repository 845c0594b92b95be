//! The service's page of figures: what stands on it, who may ask, and that nobody holds the service up with it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use common::service::{PATIENCE, Service, eventually, quick_library};
use common::sound::{flac, tune, vorbis_comment};
use common::{Library, not_allowed};

fn song(seed: u32) -> Vec<u8> {
    flac(&tune(seed, 22_050, 2.0), 22_050, &[vorbis_comment(&[])])
}

fn library(listen: &str) -> Library {
    quick_library(&format!("[metrics]\nlisten = \"{listen}\""))
}

/// Where a service says that its page is.
#[track_caller]
fn address(service: &Service) -> SocketAddr {
    eventually("the page of figures", || {
        let log = service.log();
        let (_, rest) = log.split_once("figures at http://")?;
        Some(rest.split_once("/metrics")?.0.parse().unwrap())
    })
}

fn visit(address: SocketAddr, request: &str) -> String {
    let mut visitor = TcpStream::connect(address).unwrap();
    visitor.set_read_timeout(Some(PATIENCE)).unwrap();
    visitor.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).unwrap();
    answer
}

/// The samples of the page by name and labels. Fails unless every line is what the OpenMetrics format allows.
#[track_caller]
fn figures(address: SocketAddr) -> BTreeMap<String, f64> {
    let answer = visit(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", page.len())), "{head}");
    let body = page.strip_suffix("# EOF\n").expect("the page ends with its mark");
    let mut samples = BTreeMap::new();
    let mut described = Vec::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            assert!(["HELP", "TYPE", "UNIT"].contains(&words.next().unwrap()), "{line}");
            described.push(words.next().unwrap().to_owned());
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        assert!(bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        assert!(described.iter().any(|family| bare == family || bare == format!("{family}_total")), "{line}");
        if let Some(labels) = name.strip_prefix(bare).filter(|labels| !labels.is_empty()) {
            assert!(labels.starts_with('{') && labels.ends_with("\"}"), "{line}");
        }
        assert_eq!(samples.insert(name.to_owned(), value.parse().unwrap()), None, "{line} stands there twice");
    }
    samples
}

#[test]
fn the_figures_move_with_the_files() {
    let library = library("127.0.0.1:0");
    let service = Service::start(&library);
    let address = address(&service);
    service.settled("the start", |_| true);
    let before = figures(address);
    assert_eq!(before["reclassd_files_seen_total"], 0.0);
    assert_eq!(before["reclassd_roots{state=\"watched\"}"], 1.0);
    library.put("song.flac", &song(1));
    library.put("broken.flac", b"no music");
    service.settled("both to be done", |status| status["counts"]["seen"] == 2);
    let after = figures(address);
    assert_eq!(after["reclassd_files_seen_total"], 2.0);
    assert_eq!(after["reclassd_files_written_total"], 1.0);
    assert_eq!(after["reclassd_files_total{status=\"tagged\"}"], 1.0);
    assert_eq!(after["reclassd_files_total{status=\"skipped\"}"], 1.0);
    let reasons: f64 =
        after.iter().filter(|(name, _)| name.starts_with("reclassd_reasons_total{")).map(|(_, n)| n).sum();
    assert_eq!(reasons, 1.0, "{after:?}");
    assert!(after["reclassd_stage_seconds_total{stage=\"analyse\"}"] > 0.0);
    assert_eq!(after["reclassd_queue_files{state=\"ripe\"}"], 0.0);
    assert!(after.keys().any(|name| name.starts_with("reclassd_ensemble_info{") && name.contains("provider=\"")));
    assert!(after.keys().any(|name| name.starts_with("reclassd_model_info{")));
    assert_eq!(after["process_start_time_seconds"], service.status().unwrap()["started_at"].as_f64().unwrap());
    let page = format!("{after:?}");
    assert!(!page.contains("song.flac") && !page.contains(library.music().to_str().unwrap()), "no paths: {page}");
}

#[test]
fn only_the_page_can_be_had_and_only_read() {
    let service_library = library("127.0.0.1:0");
    let service = Service::start(&service_library);
    let address = address(&service);
    let status = |request: &str| visit(address, request).lines().next().unwrap_or_default().to_owned();
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    assert_eq!(status("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    let post = visit(address, "POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    assert!(post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n") && post.contains("Allow: GET, HEAD\r\n"), "{post}");
    assert_eq!(status("\u{16}\u{3}\u{1}\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "y".repeat(20_000));
    assert_eq!(status(&long), "HTTP/1.1 431 Request Header Fields Too Large");
    let head = visit(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn visitors_who_say_nothing_or_never_stop_hold_nobody_up() {
    let library = library("127.0.0.1:0");
    let service = Service::start(&library);
    let address = address(&service);
    let silent: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    let endless: Vec<_> = (0..4)
        .map(|_| {
            let mut visitor = TcpStream::connect(address).unwrap();
            visitor.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
            // Until it is hung up on, or ten mebibytes are gone.
            std::thread::spawn(move || (0..160).try_for_each(|_| visitor.write_all(&[b'x'; 65_536])))
        })
        .collect();
    library.put("song.flac", &song(2));
    service.settled("the file, meanwhile", |status| status["counts"]["seen"] == 1);
    assert_eq!(figures(address)["reclassd_files_seen_total"], 1.0, "the next visitor has a turn");
    for visitor in endless {
        assert!(visitor.join().unwrap().is_err(), "who does not stop is hung up on");
    }
    drop(silent);
}

#[test]
fn a_taken_port_is_said_and_the_service_goes_on() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let library = library(&address.to_string());
    library.put("song.flac", &song(3));
    let service = Service::start(&library);
    service.settled("the file", |status| status["counts"]["seen"] == 1);
    let log = service.log();
    let line = log.lines().find(|line| line.contains("[metrics] listen")).unwrap();
    assert!(line.contains("ERROR") && line.contains(&address.to_string()) && line.contains("another port"), "{line}");
}

#[test]
fn this_machine_may_ask_by_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        return not_allowed("metrics", "there is no IPv6 on this machine");
    }
    let library = library("[::1]:0");
    let service = Service::start(&library);
    let address = address(&service);
    assert!(address.is_ipv6());
    assert!(figures(address).contains_key("process_start_time_seconds"));
}

#[test]
fn an_address_that_others_reach_is_refused_with_its_line() {
    let library = library("0.0.0.0:9797");
    let run = library.run("watch", &[library.music().to_str().unwrap()]).expect_code(2);
    assert!(run.stderr.contains("config.toml:") && run.stderr.contains("allow_remote"), "{}", run.stderr);
}
