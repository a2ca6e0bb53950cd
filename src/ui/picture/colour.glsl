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

// The number of samples is part of the program: software drivers take ten times as long where it is not.
vec3 sample_planes() {
    vec3 sum = vec3(0.0);
    for (int row = 0; row < TAPS; row++) {
        for (int column = 0; column < TAPS; column++) {
            vec2 within = (vec2(float(column), float(row)) + 0.5) / float(TAPS) - 0.5;
            vec2 at = v_uv + within * u_scale.zw;
            sum += vec3(SAMPLE(u_luma, at).r, SAMPLE(u_blue, at).r, SAMPLE(u_red, at).r);
        }
    }
    return sum / float(TAPS * TAPS);
}

void main() {
    vec3 yuv = sample_planes() - vec3(16.0, 128.0, 128.0) / 255.0;
    float grey = yuv.x * 1.1643836;
    vec3 full = vec3(
        grey + 1.5960268 * yuv.z,
        grey - 0.3917623 * yuv.y - 0.8129676 * yuv.z,
        grey + 2.0172321 * yuv.y
    );
    vec3 rgb = clamp(mix(full, vec3(grey * 0.55), u_style.y), 0.0, 1.0);
    vec2 outside = abs(v_from_centre) - u_frame.zw + u_style.x;
    float from_edge = length(max(outside, vec2(0.0))) + min(max(outside.x, outside.y), 0.0) - u_style.x;
    float alpha = clamp(0.5 - from_edge, 0.0, 1.0);
    COLOUR = vec4(rgb * alpha, alpha);
}
