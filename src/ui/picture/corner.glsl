// One picture: a quad of four corners. `picture.wgsl` is the same for the other renderer.

#if NEW
    #define IN in
    #define OUT out
#else
    #define IN attribute
    #define OUT varying
#endif

uniform vec4 u_quad;
uniform vec4 u_uv;
uniform vec4 u_frame;
uniform vec4 u_scale;
IN vec2 a_corner;
OUT vec2 v_uv;
OUT vec2 v_from_centre;

void main() {
    vec2 at = mix(u_quad.xy, u_quad.zw, a_corner);
    vec2 on_screen = at / u_scale.xy * 2.0 - 1.0;
    gl_Position = vec4(on_screen.x, -on_screen.y, 0.0, 1.0);
    v_uv = mix(u_uv.xy, u_uv.zw, a_corner);
    v_from_centre = at - u_frame.xy;
}
