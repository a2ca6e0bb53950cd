//! Puts the tokens of the theme into egui's own style, so that scroll bars, menus, tooltips and text boxes match.

use eframe::egui::{
    Color32, CornerRadius, Margin, Shadow, Stroke, Style, Visuals,
    style::{HandleShape, ScrollAnimation, ScrollStyle, WidgetVisuals, Widgets},
    vec2,
};

use super::{CONTROL, Palette, QUICK, Scheme, Type, radius, space, stroke};

/// egui's style for `scheme`; with `motion`, things may move.
pub(super) fn style(scheme: Scheme, motion: bool) -> Style {
    let animation_time = if motion { QUICK } else { 0.0 };
    let mut style = Style { animation_time, visuals: visuals(scheme), ..Style::default() };
    if !motion {
        style.scroll_animation = ScrollAnimation::none();
    }
    style.text_styles = Type::ALL.into_iter().map(|kind| (kind.style(), kind.font())).collect();

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::M, 8.0);
    // egui takes the thickness of a slider and the height of a row from here.
    spacing.interact_size = vec2(CONTROL, 24.0);
    spacing.window_margin = Margin::same(20);
    spacing.menu_margin = Margin::same(6);
    spacing.menu_spacing = 2.0;
    spacing.slider_width = 160.0;
    spacing.slider_rail_height = 4.0;
    spacing.icon_width = 18.0;
    spacing.icon_width_inner = 10.0;
    spacing.icon_spacing = space::S;
    spacing.tooltip_width = 320.0;
    spacing.combo_height = 320.0;
    spacing.scroll = ScrollStyle { bar_width: 8.0, ..ScrollStyle::floating() };
    style.interaction.tooltip_delay = 0.35;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(scheme: Scheme) -> Visuals {
    let colours = Palette::of(scheme);
    let base = if scheme == Scheme::Light { Visuals::light() } else { Visuals::dark() };
    let shadow = Shadow { offset: [0, 8], blur: 24, spread: 0, color: colours.shadow };
    let mut visuals = Visuals {
        weak_text_color: Some(colours.weak),
        widgets: widgets(colours),
        hyperlink_color: colours.accent_text,
        faint_bg_color: colours.raised,
        extreme_bg_color: colours.raised,
        text_edit_bg_color: Some(colours.raised),
        code_bg_color: colours.raised,
        warn_fg_color: colours.fair,
        error_fg_color: colours.danger_text,
        window_corner_radius: CornerRadius::same(radius::L),
        window_shadow: shadow,
        window_fill: colours.panel,
        window_stroke: Stroke::new(stroke::HAIR, colours.line),
        menu_corner_radius: CornerRadius::same(radius::M + 2),
        panel_fill: colours.ground,
        popup_shadow: shadow,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        disabled_alpha: if scheme == Scheme::HighContrast { 0.6 } else { 0.45 },
        ..base
    };
    visuals.selection.bg_fill = super::mix(colours.panel, colours.accent, 0.55);
    visuals.selection.stroke = Stroke::new(stroke::MARK, colours.accent_text);
    match scheme {
        Scheme::Dark => {}
        Scheme::Light => visuals.selection.bg_fill = super::mix(colours.panel, colours.accent, 0.22),
        Scheme::HighContrast => visuals.selection.bg_fill = super::mix(colours.panel, colours.accent, 0.35),
    }
    visuals.text_cursor.stroke = Stroke::new(stroke::MARK, colours.accent_text);
    visuals
}

fn widgets(colours: &Palette) -> Widgets {
    let state = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(stroke::HAIR, line),
        corner_radius: CornerRadius::same(radius::M),
        fg_stroke: Stroke::new(stroke::MARK, text),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: WidgetVisuals {
            fg_stroke: Stroke::new(stroke::HAIR, colours.text),
            ..state(colours.panel, colours.line, colours.text)
        },
        inactive: state(colours.raised, colours.line, colours.text),
        hovered: state(colours.hover, colours.edge, colours.text),
        active: state(colours.pressed, colours.accent_text, colours.text),
        open: state(colours.hover, colours.edge, colours.text),
    }
}
