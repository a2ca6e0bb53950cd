//! A call that is drawn and not held: every tile gets another picture 20 times a second, and nothing else costs anything.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui;
use nearcall::clock;
use nearcall::media::video::{I420, Of};
use nearcall::proto::Track;
use nearcall::ui::model::Model;
use nearcall::ui::picture::Painter;
use nearcall::ui::renderer::{self, Choice};
use nearcall::ui::{fixtures, shell, theme};

use super::measure::{Drawn, drawing, since};

/// Set for the process that draws: how many tiles.
pub const VARIABLE: &str = "NEARCALL_BENCH_TILES";
const EVERY: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_secs(3);
const WATCH: Duration = Duration::from_secs(12);

/// Starts this program again as a window with so many tiles, and reads what it says.
pub fn measure(display: &str, tiles: usize) -> Result<Drawn, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.env(VARIABLE, tiles.to_string()).env("DISPLAY", display).env_remove("WAYLAND_DISPLAY");
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures: Vec<u64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    match figures[..] {
        [frames, cpu_us, watched_us] => {
            Ok(Drawn { frames, cpu: Duration::from_micros(cpu_us), watched: Duration::from_micros(watched_us) })
        }
        _ => Err(format!("the window with {tiles} tiles said nothing")),
    }
}

/// The window.
pub fn run(tiles: &str) {
    let tiles = tiles.parse().unwrap_or(9);
    let viewport = egui::ViewportBuilder::default().with_inner_size([1280.0, 800.0]);
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    let ran = renderer::run(Choice::Glow, "bench", native, |cc| {
        theme::install(&cc.egui_ctx);
        Ok(Box::new(Scene::new(tiles, Painter::new(cc))))
    });
    if let Err(error) = ran {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

struct Scene {
    model: Model,
    memory: shell::Memory,
    painter: Painter,
    /// Two for each tile, shown in turn.
    pictures: Vec<(Of, [Arc<I420>; 2])>,
    started: Instant,
    drawn: u64,
    next: Instant,
    /// When watching began: frames and CPU time until then.
    watched: Option<(Instant, u64, Duration)>,
}

impl Scene {
    fn new(tiles: usize, painter: Painter) -> Self {
        let mut model = fixtures::call(tiles);
        // Whose camera is off has no picture to draw.
        fixtures::change(&mut model, |state, _| {
            state.peers.iter_mut().for_each(|peer| (peer.camera, peer.quality.frozen) = (true, false));
        });
        let peers = model.call.as_ref().map(|state| state.peers.clone()).unwrap_or_default();
        let pictures = peers.iter().map(|peer| (Of::Peer(peer.id, Track::Camera), [noise(1), noise(2)])).collect();
        let now = clock::now();
        let memory = shell::Memory::default();
        Self { model, memory, painter, pictures, started: now, drawn: 0, next: now, watched: None }
    }
}

impl eframe::App for Scene {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let now = clock::now();
        self.model.now = now;
        if now >= self.next {
            self.next = now + EVERY;
            for (of, pictures) in &self.pictures {
                self.model.pictures.put(*of, pictures[self.drawn as usize % 2].clone(), now);
            }
            self.drawn += 1;
        }
        shell::shell_ui(ui, &self.model, &mut self.memory, &self.painter, &mut Vec::new());
        let pid = std::process::id();
        match self.watched {
            None if since(self.started) > SETTLE => self.watched = Some((now, self.drawn, drawing(pid))),
            Some((from, drawn, cpu)) if since(from) > WATCH => {
                let cpu = drawing(pid).saturating_sub(cpu);
                println!("{} {} {}", self.drawn - drawn, cpu.as_micros(), since(from).as_micros());
                ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
                self.watched = Some((now + WATCH * 1000, 0, Duration::ZERO));
            }
            _ => {}
        }
        ui.ctx().request_repaint_after(self.next.saturating_duration_since(clock::now()));
    }
}

/// What no shortcut makes cheaper.
fn noise(seed: u32) -> Arc<I420> {
    let mut picture = I420::black(640, 360);
    let mut state = seed;
    for plane in picture.planes_mut() {
        for pixel in plane.iter_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = (state >> 24) as u8;
        }
    }
    Arc::new(picture)
}
