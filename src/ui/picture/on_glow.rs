//! Pictures on OpenGL: three one-byte textures for each [`Of`](crate::media::video::Of), one quad for each draw.
//!
//! The only file that calls OpenGL, whose functions are all unsafe. It calls them in paint callbacks alone, because only
//! there a context is current; what is to be freed waits for the next one.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eframe::egui::{self, PaintCallback, PaintCallbackInfo};
use eframe::egui_glow::{CallbackFn, ShaderVersion};
use eframe::glow::{self, HasContext as _};

use super::cache::Cache;
use super::place::{Draw, Taps};
use super::{Asked, lock};
use crate::media::video::I420;

/// What is kept in the context.
#[derive(Debug, Default)]
pub struct Store {
    pub planes: Cache<Planes>,
    common: Common,
    /// Planes to be freed in the next paint callback.
    unused: Vec<Planes>,
}

/// Textures of the luma and the two chroma planes.
type Planes = [glow::Texture; 3];

/// What all pictures are drawn with.
#[derive(Debug, Default)]
enum Common {
    #[default]
    NotTried,
    Failed,
    Ready(Ready),
}

#[derive(Debug)]
struct Ready {
    /// Made when first needed; none where the driver refused it.
    programs: BTreeMap<Taps, Option<Program>>,
    version: ShaderVersion,
    /// Four corners of the unit square.
    corners: glow::Buffer,
    /// None on the oldest versions, which have no such thing.
    array: Option<glow::VertexArray>,
    /// How a plane of bytes is kept, and how it is read.
    format: (u32, u32),
    longest_side: u32,
}

#[derive(Debug)]
struct Program {
    program: glow::Program,
    uniforms: [Option<glow::UniformLocation>; 5],
}

/// Where the shader finds the corners.
const CORNER: u32 = 0;

/// Whether a processor draws, and no graphics card. To be called while the context is current.
pub fn is_software(gl: &glow::Context) -> bool {
    // SAFETY: reading a string of the current context; the name is one that every version knows.
    let renderer = unsafe { gl.get_parameter_string(glow::RENDERER) }.to_lowercase();
    ["llvmpipe", "softpipe", "swrast", "swiftshader", "software"].iter().any(|name| renderer.contains(name))
}

/// What draws one picture.
pub fn callback(store: Arc<Mutex<Store>>, asked: Asked) -> PaintCallback {
    let rect = asked.rect;
    let draw = move |info: PaintCallbackInfo, painter: &eframe::egui_glow::Painter| {
        lock(&store).draw(painter.gl(), painter.max_texture_side(), &info, &asked);
    };
    PaintCallback { rect, callback: Arc::new(CallbackFn::new(draw)) }
}

/// Has what nobody draws freed in this frame, and tells when to look again.
pub fn tidy(store: &Arc<Mutex<Store>>, ctx: &egui::Context, now: f64) -> Option<Duration> {
    let mut kept = lock(store);
    let stale = kept.planes.take_stale(now);
    kept.unused.extend(stale);
    if !kept.unused.is_empty() {
        let store = store.clone();
        let free = CallbackFn::new(move |_, painter| lock(&store).free(painter.gl()));
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::Vec2::splat(1.0));
        let callback = PaintCallback { rect, callback: Arc::new(free) };
        ctx.layer_painter(egui::LayerId::background()).add(callback);
    }
    kept.planes.next_stale(now)
}

impl Store {
    fn draw(&mut self, gl: &glow::Context, longest_side: usize, info: &PaintCallbackInfo, asked: &Asked) {
        self.free(gl);
        if matches!(self.common, Common::NotTried) {
            self.common = Ready::new(gl, longest_side).map_or_else(refused(Common::Failed), Common::Ready);
        }
        let Self { planes, common: Common::Ready(ready), unused } = self else { return };
        let draw = Draw::new(asked, info.viewport, info.pixels_per_point, info.screen_size_px);
        let program = || Program::new(gl, ready.version, draw.taps).map_or_else(refused(None), Some);
        ready.programs.entry(draw.taps).or_insert_with(program);
        let make = |picture: &I420| ready.planes(gl, picture);
        let fill = |planes: &Planes, picture: &I420| ready.upload(gl, planes, picture);
        let planes = planes.planes(asked.of, &asked.shown, asked.at, make, fill, |planes| unused.push(planes));
        if let (Some(planes), Some(Some(program))) = (planes, ready.programs.get(&draw.taps)) {
            ready.draw(gl, program, planes, &draw, info.screen_size_px);
        }
    }

    fn free(&mut self, gl: &glow::Context) {
        if !self.unused.is_empty() {
            tracing::trace!(freed = self.unused.len(), "pictures that nobody draws");
        }
        for texture in self.unused.drain(..).flatten() {
            // SAFETY: a context is current, and the texture was made in it and is kept nowhere else.
            unsafe { gl.delete_texture(texture) };
        }
    }
}

/// Logs what the driver says, once for everything that it refuses, and goes on with `instead`.
fn refused<T>(instead: T) -> impl FnOnce(String) -> T {
    |error| {
        tracing::error!(error, "the OpenGL driver cannot draw pictures: choose the other renderer");
        instead
    }
}

impl Ready {
    fn new(gl: &glow::Context, longest_side: usize) -> Result<Self, String> {
        let version = ShaderVersion::get(gl);
        let new = version.is_new_shader_interface();
        // One-byte textures have another name in the oldest versions; the newest do not know that one any more.
        let format = if new { (glow::R8, glow::RED) } else { (glow::LUMINANCE, glow::LUMINANCE) };
        let corners = [0.0f32, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let corners: Vec<u8> = corners.into_iter().flat_map(f32::to_ne_bytes).collect();
        // SAFETY: a context is current, and the buffer is bound before it is filled.
        let (array, buffer) = unsafe {
            let array = if new { Some(gl.create_vertex_array()?) } else { None };
            let buffer = gl.create_buffer()?;
            gl.bind_buffer(glow::ARRAY_BUFFER, Some(buffer));
            gl.buffer_data_u8_slice(glow::ARRAY_BUFFER, &corners, glow::STATIC_DRAW);
            gl.bind_buffer(glow::ARRAY_BUFFER, None);
            (array, buffer)
        };
        let (programs, longest_side) = (BTreeMap::new(), longest_side as u32);
        Ok(Self { programs, version, corners: buffer, array, format, longest_side })
    }

    /// Textures for a picture of this size, still empty. `None` if the driver cannot hold them.
    fn planes(&self, gl: &glow::Context, picture: &I420) -> Option<Planes> {
        if picture.width().max(picture.height()) > self.longest_side {
            return None;
        }
        let sizes = [1, 2, 2].map(|half| ((picture.width() / half) as i32, (picture.height() / half) as i32));
        let mut made = Vec::with_capacity(sizes.len());
        for (width, height) in sizes {
            // SAFETY: a context is current; the texture is bound while it is set up, and no bytes are read.
            unsafe {
                made.push(gl.create_texture().ok()?);
                gl.bind_texture(glow::TEXTURE_2D, made.last().copied());
                for (name, value) in [
                    (glow::TEXTURE_MIN_FILTER, glow::LINEAR),
                    (glow::TEXTURE_MAG_FILTER, glow::LINEAR),
                    (glow::TEXTURE_WRAP_S, glow::CLAMP_TO_EDGE),
                    (glow::TEXTURE_WRAP_T, glow::CLAMP_TO_EDGE),
                ] {
                    gl.tex_parameter_i32(glow::TEXTURE_2D, name, value as i32);
                }
                let (kept, read) = self.format;
                let none = glow::PixelUnpackData::Slice(None);
                gl.tex_image_2d(glow::TEXTURE_2D, 0, kept as i32, width, height, 0, read, glow::UNSIGNED_BYTE, none);
            }
        }
        made.try_into().ok()
    }

    fn upload(&self, gl: &glow::Context, planes: &Planes, picture: &I420) {
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        for ((texture, bytes), half) in planes.iter().zip([picture.y(), picture.u(), picture.v()]).zip([1, 2, 2]) {
            let bytes = glow::PixelUnpackData::Slice(Some(bytes));
            let (width, height) = (width / half, height / half);
            // SAFETY: a context is current, no unpack buffer is bound, and with rows aligned to a byte the driver reads
            // `width * height` bytes, which is what a plane of an `I420` has.
            unsafe {
                gl.bind_texture(glow::TEXTURE_2D, Some(*texture));
                gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 1);
                let target = glow::TEXTURE_2D;
                gl.tex_sub_image_2d(target, 0, 0, 0, width, height, self.format.1, glow::UNSIGNED_BYTE, bytes);
            }
        }
    }

    /// What this leaves bound the window's own painter binds anew after every callback.
    fn draw(&self, gl: &glow::Context, program: &Program, planes: &Planes, draw: &Draw, screen: [u32; 2]) {
        // SAFETY: a context is current, everything named was made in it, and the corners hold the four that are drawn.
        unsafe {
            // The quad knows its place on the screen: a viewport cut at the screen's edge would squeeze it.
            gl.viewport(0, 0, screen[0] as i32, screen[1] as i32);
            gl.use_program(Some(program.program));
            for (at, values) in program.uniforms.iter().zip(draw.floats.chunks_exact(4)) {
                gl.uniform_4_f32_slice(at.as_ref(), values);
            }
            for (unit, texture) in planes.iter().enumerate().rev() {
                gl.active_texture(glow::TEXTURE0 + unit as u32);
                gl.bind_texture(glow::TEXTURE_2D, Some(*texture));
            }
            if let Some(array) = self.array {
                gl.bind_vertex_array(Some(array));
            }
            gl.bind_buffer(glow::ARRAY_BUFFER, Some(self.corners));
            gl.enable_vertex_attrib_array(CORNER);
            gl.vertex_attrib_pointer_f32(CORNER, 2, glow::FLOAT, false, 8, 0);
            gl.draw_arrays(glow::TRIANGLE_STRIP, 0, 4);
            gl.disable_vertex_attrib_array(CORNER);
            gl.bind_buffer(glow::ARRAY_BUFFER, None);
            if self.array.is_some() {
                gl.bind_vertex_array(None);
            }
        }
    }
}

impl Program {
    /// The error is the driver's own.
    fn new(gl: &glow::Context, version: ShaderVersion, taps: Taps) -> Result<Self, String> {
        let new = u8::from(version.is_new_shader_interface());
        let head = format!("{}\n#define NEW {new}\n#define TAPS {}\n", version.version_declaration(), taps as u8);
        let corner = (glow::VERTEX_SHADER, head.clone() + include_str!("corner.glsl"));
        let colour = (glow::FRAGMENT_SHADER, head + include_str!("colour.glsl"));
        let program = link(gl, &[corner, colour])?;
        // SAFETY: a context is current, and the program was made in it and is linked.
        let uniforms = unsafe {
            gl.use_program(Some(program));
            for (unit, name) in ["u_luma", "u_blue", "u_red"].into_iter().enumerate() {
                gl.uniform_1_i32(gl.get_uniform_location(program, name).as_ref(), unit as i32);
            }
            ["u_quad", "u_uv", "u_frame", "u_style", "u_scale"].map(|name| gl.get_uniform_location(program, name))
        };
        Ok(Self { program, uniforms })
    }
}

/// Compiles and links the two shaders; the error is the driver's own.
fn link(gl: &glow::Context, sources: &[(u32, String)]) -> Result<glow::Program, String> {
    // SAFETY: a context is current, and every object is made in it before it is used.
    unsafe {
        let program = gl.create_program()?;
        for (kind, source) in sources {
            let shader = gl.create_shader(*kind)?;
            gl.shader_source(shader, source);
            gl.compile_shader(shader);
            if !gl.get_shader_compile_status(shader) {
                return Err(gl.get_shader_info_log(shader));
            }
            gl.attach_shader(program, shader);
            // It goes with the program.
            gl.delete_shader(shader);
        }
        gl.bind_attrib_location(program, CORNER, "a_corner");
        gl.link_program(program);
        if gl.get_program_link_status(program) { Ok(program) } else { Err(gl.get_program_info_log(program)) }
    }
}
