//! Pictures on wgpu: three one-byte textures for each [`Of`](crate::media::video::Of), one quad for each draw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use eframe::egui::{PaintCallback, PaintCallbackInfo};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu;

use super::cache::Cache;
use super::place::{Draw, FLOATS, Taps};
use super::{Asked, lock};
use crate::media::video::I420;

/// Bytes of one [`Draw`].
const DRAW_BYTES: u64 = FLOATS as u64 * 4;
/// Draws that the first buffer holds.
const FIRST_DRAWS: usize = 16;

/// What is kept on the graphics card.
#[derive(Debug)]
pub struct Store {
    pub planes: Cache<Planes>,
    /// Made when first needed.
    pipelines: BTreeMap<Taps, wgpu::RenderPipeline>,
    module: wgpu::ShaderModule,
    target: wgpu::TextureFormat,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    /// What the shader is told of the draws of a frame, one after the other.
    draws: wgpu::Buffer,
    /// The draws of the frame that is being prepared.
    pending: Vec<u8>,
}

/// One picture's planes.
#[derive(Debug)]
pub struct Planes {
    textures: [wgpu::Texture; 3],
    bound: wgpu::BindGroup,
}

/// Keeps what a driver reports late (out of memory, device lost) from ending the program: the default is to panic.
pub fn log_errors(device: &wgpu::Device) {
    let told = AtomicBool::new(false);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        // A broken device reports every frame.
        if told.swap(true, Ordering::Relaxed) {
            tracing::debug!(%error, "the graphics driver reports another error");
        } else {
            tracing::error!(%error, "the graphics driver reports an error: choose the other renderer if pictures are wrong");
        }
    }));
}

/// What draws one picture.
pub fn callback(store: Arc<Mutex<Store>>, asked: Asked) -> PaintCallback {
    Callback::new_paint_callback(asked.rect, One { store, asked, prepared: Mutex::new(None) })
}

struct One {
    store: Arc<Mutex<Store>>,
    asked: Asked,
    /// Which of the frame's draws this is, and by which pipeline, once that is known.
    prepared: Mutex<Option<(u64, Taps)>>,
}

impl CallbackTrait for One {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let prepared = lock(&self.store).prepare(device, queue, screen, &self.asked);
        *lock(&self.prepared) = prepared;
        Vec::new()
    }

    fn finish_prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        lock(&self.store).finish(device, queue);
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _resources: &CallbackResources) {
        let Some((at, taps)) = *lock(&self.prepared) else { return };
        let store = lock(&self.store);
        let (Some(planes), Some(pipeline)) = (store.planes.get(self.asked.of), store.pipelines.get(&taps)) else {
            return;
        };
        // The quad knows its place on the screen: a viewport cut at the screen's edge would squeeze it.
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &planes.bound, &[]);
        pass.set_vertex_buffer(0, store.draws.slice(at..at + DRAW_BYTES));
        pass.draw(0..4, 0..1);
    }
}

impl Store {
    /// For a target without multisampling and depth buffer.
    pub fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let layout = bind_group_layout(device);
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("picture plane"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        Self {
            planes: Cache::default(),
            pipelines: BTreeMap::new(),
            module: device.create_shader_module(wgpu::include_wgsl!("picture.wgsl")),
            target,
            layout,
            sampler,
            draws: draws_buffer(device, FIRST_DRAWS as u64 * DRAW_BYTES),
            pending: Vec::new(),
        }
    }

    /// Uploads the picture where that is needed, and notes the draw: where it stands in the buffer, and its pipeline.
    fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        asked: &Asked,
    ) -> Option<(u64, Taps)> {
        let Self { planes, layout, sampler, .. } = self;
        let make = |picture: &I420| Planes::new(device, layout, sampler, picture);
        let fill = |planes: &Planes, picture: &I420| planes.upload(queue, picture);
        planes.planes(asked.of, &asked.shown, asked.at, make, fill, drop)?;
        let draw = Draw::new(asked, asked.rect, screen.pixels_per_point, screen.size_in_pixels);
        let Self { pipelines, module, target, layout, .. } = self;
        pipelines.entry(draw.taps).or_insert_with(|| pipeline(device, module, layout, *target, draw.taps));
        let at = self.pending.len() as u64;
        self.pending.extend(draw.bytes());
        Some((at, draw.taps))
    }

    /// Hands over the frame's draws; all but the first call of a frame find nothing to do.
    fn finish(&mut self, device: &wgpu::Device, queue: &wgpu::Queue) {
        if self.pending.is_empty() {
            return;
        }
        if self.draws.size() < self.pending.len() as u64 {
            self.draws = draws_buffer(device, (self.pending.len() as u64).next_power_of_two());
        }
        queue.write_buffer(&self.draws, 0, &self.pending);
        self.pending.clear();
    }
}

impl Planes {
    /// `None` if the picture is larger than a texture may be.
    fn new(
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
        sampler: &wgpu::Sampler,
        picture: &I420,
    ) -> Option<Self> {
        if picture.width().max(picture.height()) > device.limits().max_texture_dimension_2d {
            return None;
        }
        let textures = [1, 2, 2].map(|half| plane(device, picture.width() / half, picture.height() / half));
        let views = textures.each_ref().map(|texture| texture.create_view(&wgpu::TextureViewDescriptor::default()));
        let [y, u, v] = views.each_ref().map(wgpu::BindingResource::TextureView);
        let resources = [y, u, v, wgpu::BindingResource::Sampler(sampler)];
        let mut binding = 0..;
        let entries = resources.map(|resource| wgpu::BindGroupEntry { binding: binding.next().unwrap_or(0), resource });
        let bound =
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("picture"), layout, entries: &entries });
        Some(Self { textures, bound })
    }

    fn upload(&self, queue: &wgpu::Queue, picture: &I420) {
        for (texture, bytes) in self.textures.iter().zip([picture.y(), picture.u(), picture.v()]) {
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(texture.width()),
                rows_per_image: Some(texture.height()),
            };
            queue.write_texture(texture.as_image_copy(), bytes, layout, texture.size());
        }
    }
}

fn plane(device: &wgpu::Device, width: u32, height: u32) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture plane"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::R8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn draws_buffer(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("picture draws"),
        size,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry =
        |binding, ty| wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::FRAGMENT, ty, count: None };
    let texture = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: true },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("picture"),
        entries: &[entry(0, texture), entry(1, texture), entry(2, texture), entry(3, sampler)],
    })
}

fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
    target: wgpu::TextureFormat,
    taps: Taps,
) -> wgpu::RenderPipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("picture"),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("picture"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some("corner"),
            compilation_options: Default::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: DRAW_BYTES,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &wgpu::vertex_attr_array![
                    0 => Float32x4, 1 => Float32x4, 2 => Float32x4, 3 => Float32x4, 4 => Float32x4
                ],
            })],
        },
        primitive: wgpu::PrimitiveState { topology: wgpu::PrimitiveTopology::TriangleStrip, ..Default::default() },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(if target.is_srgb() { "linear_target" } else { "gamma_target" }),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[("TAPS", f64::from(taps as u8))],
                ..Default::default()
            },
            targets: &[Some(wgpu::ColorTargetState {
                format: target,
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
