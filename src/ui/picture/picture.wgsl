// One picture: a quad of four corners, each plane sampled, BT.601 limited range to RGB, corners rounded.

struct Draw {
    @location(0) quad: vec4<f32>,
    @location(1) uv: vec4<f32>,
    // Centre and half size of the rounded frame, in pixels.
    @location(2) frame: vec4<f32>,
    // Radius in pixels, grey or not.
    @location(3) style: vec4<f32>,
    // Size of the screen in pixels, and how much of the picture a pixel covers.
    @location(4) scale: vec4<f32>,
};

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) from_centre: vec2<f32>,
    @location(2) @interpolate(flat) half_size: vec2<f32>,
    @location(3) @interpolate(flat) style: vec4<f32>,
    @location(4) @interpolate(flat) step: vec2<f32>,
};

@group(0) @binding(0) var luma: texture_2d<f32>;
@group(0) @binding(1) var blue: texture_2d<f32>;
@group(0) @binding(2) var red: texture_2d<f32>;
@group(0) @binding(3) var plane: sampler;

@vertex
fn corner(@builtin(vertex_index) index: u32, draw: Draw) -> Corner {
    let right = f32(index & 1u);
    let below = f32(index >> 1u);
    let at = vec2<f32>(mix(draw.quad.x, draw.quad.z, right), mix(draw.quad.y, draw.quad.w, below));
    let on_screen = at / draw.scale.xy * 2.0 - 1.0;
    var out: Corner;
    out.position = vec4<f32>(on_screen.x, -on_screen.y, 0.0, 1.0);
    out.uv = vec2<f32>(mix(draw.uv.x, draw.uv.z, right), mix(draw.uv.y, draw.uv.w, below));
    out.from_centre = at - draw.frame.xy;
    out.half_size = draw.frame.zw;
    out.style = draw.style;
    out.step = draw.scale.zw;
    return out;
}

// Samples along a side. It is part of the pipeline: software drivers take far longer where it is not.
override TAPS: i32 = 1;

fn sample(in: Corner) -> vec3<f32> {
    var sum = vec3<f32>(0.0);
    for (var row = 0; row < TAPS; row++) {
        for (var column = 0; column < TAPS; column++) {
            let within = (vec2<f32>(f32(column), f32(row)) + 0.5) / f32(TAPS) - 0.5;
            let at = in.uv + within * in.step;
            sum += vec3<f32>(
                textureSampleLevel(luma, plane, at, 0.0).r,
                textureSampleLevel(blue, plane, at, 0.0).r,
                textureSampleLevel(red, plane, at, 0.0).r,
            );
        }
    }
    return sum / f32(TAPS * TAPS);
}

fn colour(in: Corner) -> vec4<f32> {
    let yuv = sample(in) - vec3<f32>(16.0, 128.0, 128.0) / 255.0;
    let grey = yuv.x * 1.1643836;
    let full = vec3<f32>(
        grey + 1.5960268 * yuv.z,
        grey - 0.3917623 * yuv.y - 0.8129676 * yuv.z,
        grey + 2.0172321 * yuv.y,
    );
    let rgb = clamp(mix(full, vec3<f32>(grey * 0.55), in.style.y), vec3<f32>(0.0), vec3<f32>(1.0));
    let outside = abs(in.from_centre) - in.half_size + in.style.x;
    let distance = length(max(outside, vec2<f32>(0.0))) + min(max(outside.x, outside.y), 0.0) - in.style.x;
    return vec4<f32>(rgb, clamp(0.5 - distance, 0.0, 1.0));
}

// The window's own colours are gamma-encoded, and so are these: nothing is converted.
@fragment
fn gamma_target(in: Corner) -> @location(0) vec4<f32> {
    let rgba = colour(in);
    return vec4<f32>(rgba.rgb * rgba.a, rgba.a);
}

// A target that encodes what is written to it.
@fragment
fn linear_target(in: Corner) -> @location(0) vec4<f32> {
    let rgba = colour(in);
    let gamma = rgba.rgb * rgba.a;
    let higher = pow((gamma + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(higher, gamma / 12.92, gamma < vec3<f32>(0.04045)), rgba.a);
}
