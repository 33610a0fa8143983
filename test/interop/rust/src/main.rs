// A libp2p client in Rust, to run against: it writes bytes on a stream and half-closes at once, without waiting for the negotiation.
//
//     waku-mailserver-interop <multiaddr with /p2p/> <protocol>
//
// Each line of standard input is what one new stream is to carry, in hex. For each, in order, a line comes out: all that was read
// until the stream's end, in hex, and the word `end`, or what went wrong.
use std::io::{BufRead, Write};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol;
use libp2p::{noise, tcp, yamux, Multiaddr, PeerId, StreamProtocol, SwarmBuilder};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let address: Multiaddr = args.next().ok_or("an address is needed")?.parse()?;
    let protocol = StreamProtocol::try_from_owned(args.next().ok_or("a protocol is needed")?)?;
    let peer: PeerId = match address.iter().last() {
        Some(Protocol::P2p(peer)) => peer,
        _ => return Err("the address does not end with /p2p/".into()),
    };
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| libp2p_stream::Behaviour::new())?
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(PATIENCE)
                // optimistic: the name of the protocol, the bytes and the end leave in one piece
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
        })
        .build();
    let control = swarm.behaviour().new_control();
    swarm.dial(address)?;
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let bytes = from_hex(line?.trim())?;
        let mut control = control.clone();
        let exchange = async {
            let mut stream = control.open_stream(peer, protocol.clone()).await.map_err(|err| err.to_string())?;
            stream.write_all(&bytes).await.map_err(|err| err.to_string())?;
            stream.close().await.map_err(|err| err.to_string())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.map_err(|err| err.to_string())?;
            Ok::<_, String>(answer)
        };
        let said = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => format!("{} end", to_hex(&answer)),
            Ok(Err(err)) => format!("- {err}"),
            Err(_) => "- nothing came".into(),
        };
        writeln!(out, "{said}")?;
        out.flush()?;
    }
    Ok(())
}

fn from_hex(text: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16)).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
