//! Turns egui's triangles into pixels without a graphics driver: an export must come out on every machine.
//!
//! What egui's own renderers do: colours are mixed and blended in gamma space, alpha is premultiplied, textures are sampled
//! linearly. Corners are moved to a grid of 1/256 of a pixel, so that every sum is exact and triangles that share an edge
//! share no pixel (the top-left rule) and leave none out.

use std::collections::HashMap;

use eframe::egui::epaint::{ImageDelta, Mesh, Primitive, Vertex};
use eframe::egui::{ClippedPrimitive, Color32, ColorImage, ImageData, Rect, TextureId, TexturesDelta};
use image::{Rgb, RgbImage};

/// Steps of a pixel.
const GRID: f64 = 256.0;

/// What triangles are covered with.
#[derive(Default)]
pub struct Textures(HashMap<TextureId, ColorImage>);

impl Textures {
    /// Takes over what changed in a pass.
    pub fn apply(&mut self, mut changed: TexturesDelta) {
        for (id, deltas) in changed.set.drain() {
            deltas.iter().for_each(|delta| self.set(id, delta));
        }
        for id in changed.free.drain() {
            self.0.remove(&id);
        }
    }

    fn set(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(patch) = &delta.image;
        let Some([left, top]) = delta.pos else {
            self.0.insert(id, ColorImage::clone(patch));
            return;
        };
        let Some(whole) = self.0.get_mut(&id) else { return };
        let [width, height] = patch.size;
        if left + width > whole.size[0] || top + height > whole.size[1] {
            return;
        }
        for (row, pixels) in patch.pixels.chunks_exact(width.max(1)).enumerate() {
            let from = (top + row) * whole.size[0] + left;
            whole.pixels[from..from + width].copy_from_slice(pixels);
        }
    }
}

/// Draws `primitives` on `ground`, `size` pixels large.
pub fn draw(
    primitives: &[ClippedPrimitive],
    textures: &Textures,
    size: [usize; 2],
    pixels_per_point: f32,
    ground: Color32,
) -> RgbImage {
    let ground = [ground.r(), ground.g(), ground.b()].map(f32::from);
    let mut canvas = Canvas { size, pixels: vec![ground; size[0] * size[1]] };
    for ClippedPrimitive { clip_rect, primitive } in primitives {
        // Pictures of people are not part of a panel.
        let Primitive::Mesh(mesh) = primitive else { continue };
        if let Some(texture) = textures.0.get(&mesh.texture_id) {
            canvas.mesh(mesh, texture, clip(*clip_rect, pixels_per_point, size), pixels_per_point);
        }
    }
    RgbImage::from_fn(size[0] as u32, size[1] as u32, |x, y| {
        Rgb(canvas.pixels[y as usize * size[0] + x as usize].map(|part| part.round().clamp(0.0, 255.0) as u8))
    })
}

/// Pixels from, and to (not included).
#[derive(Debug, Clone, Copy)]
struct Clip {
    from: [usize; 2],
    to: [usize; 2],
}

fn clip(rect: Rect, pixels_per_point: f32, size: [usize; 2]) -> Clip {
    // A cast takes what is below nought to nought, and nonsense too.
    let at = |points: f32, most: usize| ((points * pixels_per_point).round() as usize).min(most);
    Clip {
        from: [at(rect.min.x, size[0]), at(rect.min.y, size[1])],
        to: [at(rect.max.x, size[0]), at(rect.max.y, size[1])],
    }
}

struct Canvas {
    size: [usize; 2],
    /// Red, green and blue, 0..=255.
    pixels: Vec<[f32; 3]>,
}

impl Canvas {
    fn mesh(&mut self, mesh: &Mesh, texture: &ColorImage, clip: Clip, pixels_per_point: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let corner = |n: usize| mesh.vertices.get(corners[n] as usize);
            if let (Some(one), Some(two), Some(three)) = (corner(0), corner(1), corner(2)) {
                self.triangle([one, two, three], texture, clip, pixels_per_point);
            }
        }
    }

    fn triangle(&mut self, corners: [&Vertex; 3], texture: &ColorImage, clip: Clip, pixels_per_point: f32) {
        let grid = |points: f32| (f64::from(points * pixels_per_point) * GRID).round() / GRID;
        let mut at = corners.map(|corner| [grid(corner.pos.x), grid(corner.pos.y)]);
        let mut corners = corners;
        if at.iter().flatten().any(|part| !part.is_finite()) {
            return;
        }
        let area = edge(at[0], at[1], at[2]);
        if area == 0.0 {
            return;
        }
        if area < 0.0 {
            at.swap(1, 2);
            corners.swap(1, 2);
        }
        let area = area.abs();
        let span = |axis: usize| {
            let least = at.iter().map(|at| at[axis]).fold(f64::INFINITY, f64::min).floor().max(0.0) as usize;
            let most = at.iter().map(|at| at[axis]).fold(f64::NEG_INFINITY, f64::max).ceil().max(0.0) as usize;
            least.max(clip.from[axis])..most.min(clip.to[axis])
        };
        // Most triangles are of one colour.
        let same = corners.iter().all(|corner| (corner.uv, corner.color) == (corners[0].uv, corners[0].color));
        let flat = same.then(|| shade(corners, [1.0, 0.0, 0.0], texture));
        for y in span(1) {
            for x in span(0) {
                let here = [x as f64 + 0.5, y as f64 + 0.5];
                let sides = [(1, 2), (2, 0), (0, 1)].map(|(from, to)| (edge(at[from], at[to], here), at[from], at[to]));
                if sides.iter().all(|(side, from, to)| *side > 0.0 || (*side == 0.0 && is_top_left(*from, *to))) {
                    let shares = sides.map(|(side, ..)| (side / area) as f32);
                    let colour = flat.unwrap_or_else(|| shade(corners, shares, texture));
                    self.blend(x, y, colour);
                }
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, [red, green, blue, alpha]: [f32; 4]) {
        let pixel = &mut self.pixels[y * self.size[0] + x];
        for (below, above) in pixel.iter_mut().zip([red, green, blue]) {
            *below = above + *below * (1.0 - alpha / 255.0);
        }
    }
}

/// Twice the area to the right of a line, in pixels; exact on the grid.
fn edge(from: [f64; 2], to: [f64; 2], at: [f64; 2]) -> f64 {
    (to[0] - from[0]) * (at[1] - from[1]) - (to[1] - from[1]) * (at[0] - from[0])
}

/// Of two triangles that share an edge, for one alone.
fn is_top_left(from: [f64; 2], to: [f64; 2]) -> bool {
    let is_top = from[1] == to[1] && to[0] > from[0];
    is_top || to[1] < from[1]
}

/// The corners' colours, mixed, on the texture: 0..=255, premultiplied.
fn shade(corners: [&Vertex; 3], shares: [f32; 3], texture: &ColorImage) -> [f32; 4] {
    let mix = |of: &dyn Fn(&Vertex) -> f32| corners.iter().zip(shares).map(|(corner, share)| of(corner) * share).sum();
    let uv: [f32; 2] = [mix(&|corner| corner.uv.x), mix(&|corner| corner.uv.y)];
    let texel = sample(texture, uv);
    std::array::from_fn(|part| {
        let colour: f32 = mix(&|corner| f32::from(corner.color.to_array()[part]));
        colour * texel[part] / 255.0
    })
}

/// Between the four nearest texels.
fn sample(texture: &ColorImage, uv: [f32; 2]) -> [f32; 4] {
    let [width, height] = texture.size;
    if width == 0 || height == 0 {
        return [255.0; 4];
    }
    let place = |uv: f32, side: usize| {
        let at = (uv * side as f32 - 0.5).clamp(0.0, (side - 1) as f32);
        let first = at.floor() as usize;
        (first, (first + 1).min(side - 1), at - at.floor())
    };
    let ((left, right, x), (top, bottom, y)) = (place(uv[0], width), place(uv[1], height));
    let texel = |x: usize, y: usize| texture.pixels[y * width + x].to_array().map(f32::from);
    let (one, two) = (texel(left, top), texel(right, top));
    let (three, four) = (texel(left, bottom), texel(right, bottom));
    std::array::from_fn(|part| {
        let (above, below) = (one[part] + (two[part] - one[part]) * x, three[part] + (four[part] - three[part]) * x);
        above + (below - above) * y
    })
}

#[cfg(test)]
mod tests {
    use eframe::egui::{pos2, vec2};

    use super::*;

    fn white() -> Textures {
        let mut textures = Textures::default();
        textures.0.insert(TextureId::default(), ColorImage::filled([1, 1], Color32::WHITE));
        textures
    }

    fn drawn(mesh: Mesh, clip_rect: Rect) -> RgbImage {
        let primitive = ClippedPrimitive { clip_rect, primitive: Primitive::Mesh(mesh) };
        draw(&[primitive], &white(), [16, 16], 2.0, Color32::BLACK)
    }

    #[test]
    fn triangles_that_share_an_edge_cover_every_pixel_once() {
        // Half transparent: a pixel that is covered twice is brighter, one that is left out is black.
        let half = Color32::from_rgba_premultiplied(100, 100, 100, 128);
        let rect = Rect::from_min_size(pos2(1.0, 1.0), vec2(5.3, 5.9));
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(rect, half);
        // The same turned the other way round, beside it.
        let n = mesh.vertices.len() as u32;
        for at in [rect.right_top(), rect.right_bottom(), pos2(8.0, 4.0)] {
            mesh.vertices.push(Vertex { pos: at, uv: pos2(0.0, 0.0), color: half });
        }
        mesh.indices.extend([n, n + 1, n + 2]);
        let picture = drawn(mesh, Rect::EVERYTHING);
        let grey = |x: u32, y: u32| picture.get_pixel(x, y).0[0];
        assert!(picture.pixels().all(|pixel| [0, 100].contains(&pixel.0[0])));
        assert_eq!((grey(1, 5), grey(2, 5), grey(11, 8), grey(13, 8), grey(15, 2)), (0, 100, 100, 100, 0));
    }

    #[test]
    fn what_is_outside_of_its_clip_or_of_the_canvas_is_not_drawn() {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(Rect::from_min_max(pos2(-50.0, -50.0), pos2(50.0, 50.0)), Color32::WHITE);
        let picture = drawn(mesh.clone(), Rect::from_min_max(pos2(2.0, 3.0), pos2(4.0, 99.0)));
        let lit = |x, y| picture.get_pixel(x, y).0[0] == 255;
        assert!(lit(4, 6) && lit(7, 15) && !lit(3, 6) && !lit(8, 6) && !lit(4, 5));
        mesh.vertices[0].pos.x = f32::NAN;
        drawn(mesh, Rect::NOTHING);
    }

    #[test]
    fn colours_go_over_from_corner_to_corner() {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(Rect::from_min_size(pos2(0.0, 0.0), vec2(8.0, 8.0)), Color32::BLACK);
        for vertex in mesh.vertices.iter_mut().filter(|vertex| vertex.pos.x > 0.0) {
            vertex.color = Color32::WHITE;
        }
        let picture = drawn(mesh, Rect::EVERYTHING);
        let row: Vec<u8> = (0..16).map(|x| picture.get_pixel(x, 7).0[0]).collect();
        assert!(row.is_sorted() && row[0] < 12 && row[15] > 243 && row[8].abs_diff(135) < 3, "{row:?}");
    }

    #[test]
    fn a_patch_changes_its_part_of_a_texture_and_one_that_does_not_fit_nothing() {
        let mut textures = white();
        let mut delta = TexturesDelta::default();
        let options = Default::default();
        delta.push(TextureId::default(), ImageDelta::full(ColorImage::filled([4, 2], Color32::BLACK), options));
        textures.apply(delta);
        for (at, red) in [([1, 1], true), ([3, 1], false)] {
            let mut delta = TexturesDelta::default();
            let patch = ColorImage::filled([2, 1], Color32::RED);
            delta.push(TextureId::default(), ImageDelta::partial(at, patch, options));
            textures.apply(delta);
            let changed = textures.0[&TextureId::default()].pixels.iter().filter(|pixel| **pixel == Color32::RED);
            assert_eq!(changed.count(), 2, "{red}");
        }
    }
}
