//! What wgpu is asked for, and whether asking for a graphics card is worth the time.

use std::path::Path;
use std::sync::Arc;

use eframe::egui_wgpu::WgpuSetup;
use eframe::{NativeOptions, Renderer, wgpu};

use super::Way;

/// Whether this machine may have a graphics card. Loading all Vulkan drivers to learn that there is none costs tens of
/// milliseconds; on Linux a card shows as a device file.
pub fn may_have_card() -> bool {
    const OTHERS: [&str; 3] = ["/dev/nvidiactl", "/dev/dxg", "/dev/mali0"];
    if !cfg!(target_os = "linux") {
        return true;
    }
    let render_node = |entry: std::fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"renderD");
    let dri = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten().any(render_node);
    dri || OTHERS.iter().any(|path| Path::new(path).exists())
}

/// Sets the renderer in `options`.
pub fn set_up(options: &mut NativeOptions, way: Way) {
    options.renderer = if way == Way::Glow { Renderer::Glow } else { Renderer::Wgpu };
    let WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup else { return };
    // OpenGL through wgpu would cost more than OpenGL.
    setup.instance_descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    // A call goes on for hours, on batteries.
    setup.power_preference = wgpu::PowerPreference::from_env().unwrap_or(wgpu::PowerPreference::LowPower);
    if way == Way::WgpuOnCard {
        setup.native_adapter_selector = Some(Arc::new(|adapters, surface| {
            let fits = |adapter: &&wgpu::Adapter| surface.is_none_or(|surface| adapter.is_surface_supported(surface));
            let ranked = adapters
                .iter()
                .filter(fits)
                .filter_map(|adapter| Some((rank(adapter.get_info().device_type)?, adapter)));
            let best = ranked.min_by_key(|(rank, _)| *rank).map(|(_, adapter)| adapter.clone());
            best.ok_or_else(|| "no graphics card".to_owned())
        }));
    }
}

/// The smaller the better; none for software.
fn rank(kind: wgpu::DeviceType) -> Option<u8> {
    match kind {
        wgpu::DeviceType::IntegratedGpu => Some(0),
        wgpu::DeviceType::DiscreteGpu => Some(1),
        wgpu::DeviceType::VirtualGpu => Some(2),
        wgpu::DeviceType::Other => Some(3),
        wgpu::DeviceType::Cpu => None,
    }
}
