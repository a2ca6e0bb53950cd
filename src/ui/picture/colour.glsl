// Each plane sampled, BT.601 limited range to RGB, corners rounded. `picture.wgsl` is the same for the other renderer.

#ifdef GL_ES
    #if defined(GL_FRAGMENT_PRECISION_HIGH) && GL_FRAGMENT_PRECISION_HIGH == 1
        precision highp float;
    #else
        precision mediump float;
    #endif
#endif

#if NEW
    #define IN in
    #define SAMPLE texture
    #define COLOUR f_colour
    out vec4 f_colour;
#else
    #define IN varying
    #define SAMPLE texture2D
    #define COLOUR gl_FragColor
#endif

uniform sampler2D u_luma;
uniform sampler2D u_blue;
uniform sampler2D u_red;
uniform vec4 u_frame;
uniform vec4 u_style;
uniform vec4 u_scale;
IN vec2 v_uv;
IN vec2 v_from_centre;

vec3 sample_planes() {
    int taps = int(u_style.y);
    vec3 sum = vec3(0.0);
    // The oldest of these languages wants loops whose length is known.
    for (int row = 0; row < 4; row++) {
        if (row >= taps) { break; }
        for (int column = 0; column < 4; column++) {
            if (column >= taps) { break; }
            vec2 within = (vec2(float(column), float(row)) + 0.5) / u_style.y - 0.5;
            vec2 at = v_uv + within * u_scale.zw;
            sum += vec3(SAMPLE(u_luma, at).r, SAMPLE(u_blue, at).r, SAMPLE(u_red, at).r);
        }
    }
    return sum / (u_style.y * u_style.y);
}

void main() {
    vec3 yuv = sample_planes() - vec3(16.0, 128.0, 128.0) / 255.0;
    float grey = yuv.x * 1.1643836;
    vec3 full = vec3(
        grey + 1.5960268 * yuv.z,
        grey - 0.3917623 * yuv.y - 0.8129676 * yuv.z,
        grey + 2.0172321 * yuv.y
    );
    vec3 rgb = clamp(mix(full, vec3(grey * 0.55), u_style.z), 0.0, 1.0);
    vec2 outside = abs(v_from_centre) - u_frame.zw + u_style.x;
    float from_edge = length(max(outside, vec2(0.0))) + min(max(outside.x, outside.y), 0.0) - u_style.x;
    float alpha = clamp(0.5 - from_edge, 0.0, 1.0);
    COLOUR = vec4(rgb * alpha, alpha);
}
