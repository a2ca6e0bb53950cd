//! A picture that costs an encoder what a face before a wall does: texture, soft shading, and an oval that moves.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Pictures in the file, played over and over: two seconds.
const PICTURES: usize = 60;

/// Writes a y4m file of this size, 30 pictures a second.
pub fn write(dir: &Path, width: usize, height: usize) -> PathBuf {
    let path = dir.join(format!("{height}p.y4m"));
    let mut out = BufWriter::new(File::create(&path).unwrap());
    writeln!(out, "YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg").unwrap();
    let noise = noise(width * height);
    for number in 0..PICTURES {
        out.write_all(b"FRAME\n").unwrap();
        out.write_all(&luma(width, height, number, &noise)).unwrap();
        let chroma = |level: u8| vec![level; width * height / 4];
        out.write_all(&chroma(110)).unwrap();
        out.write_all(&chroma(140)).unwrap();
    }
    out.flush().unwrap();
    path
}

fn luma(width: usize, height: usize, number: usize, noise: &[u8]) -> Vec<u8> {
    let turn = number as f64 * std::f64::consts::TAU / PICTURES as f64;
    let (x, y) = (width as f64 * (0.5 + 0.04 * turn.sin()), height as f64 * (0.5 + 0.02 * (2.0 * turn).sin()));
    let (wide, high) = (width as f64 * 0.16, height as f64 * 0.36);
    let mut picture = vec![0; width * height];
    for (row, line) in picture.chunks_exact_mut(width).enumerate() {
        for (column, pixel) in line.iter_mut().enumerate() {
            let (dx, dy) = ((column as f64 - x) / wide, (row as f64 - y) / high);
            let inside = dx * dx + dy * dy < 1.0;
            // What moves takes its texture along; what stands keeps it, with a sensor's noise of one level upon it.
            let at = if inside {
                (row * width + column).wrapping_sub(x as usize + y as usize * width)
            } else {
                row * width + column
            };
            let texture = f64::from(noise[at % noise.len()] % 24);
            let shade =
                if inside { 150.0 - 40.0 * (dx * dx + dy * dy) } else { 60.0 + 50.0 * column as f64 / width as f64 };
            let grain = f64::from(noise[(row * width + column + number * 7919) % noise.len()] & 1);
            *pixel = (shade + texture + grain) as u8;
        }
    }
    picture
}

/// Soft noise: each value is near the one before.
fn noise(length: usize) -> Vec<u8> {
    let (mut random, mut level) = (1u32, 128i32);
    (0..length)
        .map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            level = (level + (random >> 28) as i32 - 7).clamp(0, 255);
            level as u8
        })
        .collect()
}
