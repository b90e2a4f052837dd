"""The one table of actions. Menus, toolbar, shortcuts and the list of keys are made from it."""

from __future__ import annotations

from app.actions import conditions as c
from app.actions.spec import ActionSpec

_FRAME = c.all_of(c.has_sequence, c.has_frame)
_LABEL = c.all_of(c.has_sequence, c.has_label)
# A key that is typed ahead is about the frame that is still being read, and must not change the one before.
_ITS_LABEL = c.all_of(_LABEL, c.is_there)

ACTIONS: tuple[ActionSpec, ...] = (
    # ---- File
    ActionSpec(
        "file.open", "&Open…", "Open images, a multi-page TIFF, an array or a video", ("Ctrl+O",),
        icon="open", menu="File", toolbar="icon",
    ),
    ActionSpec(
        "file.open_folder", "Open &folder…", "Open a folder of frames or a data set", ("Ctrl+Shift+O",),
        menu="File",
    ),
    ActionSpec(
        "file.open_raw", "Open &raw frames…", "Open a file that does not say how its values lie: width, height, type",
        menu="File",
    ),
    ActionSpec(
        "file.sample", "Open the &sample", "Open the sequence that comes with the program",
        icon="sample", menu="File",
    ),
    ActionSpec(
        "file.save", "Sa&ve", "Save the labels now; they are saved by themselves too", ("Ctrl+S",),
        icon="save", menu="File", section=1, toolbar="icon", enabled_when=c.has_sequence,
    ),
    ActionSpec("file.close", "&Close sequence", "", ("Ctrl+W",), menu="File", section=1, enabled_when=c.has_sequence),
    ActionSpec("file.quit", "&Quit", "", ("Ctrl+Q",), menu="File", section=2),
    # ---- Tools
    ActionSpec(
        "tool.select", "&Select and pan", "Click a target to select it, drag to move the view", ("V",), ("Esc",),
        icon="select", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec(
        "tool.brush", "&Brush", "Draw label pixels; Shift draws a straight line from the last point", ("B",),
        icon="brush", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec(
        "tool.eraser", "&Eraser", "Erase label pixels", ("E",),
        icon="eraser", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec(
        "tool.patches", "&What if",
        "Click a patch to force it the other way, again to free it; Shift: for stage 2 only",
        ("P",), icon="patches", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec(
        "tool.profile", "&Line profile",
        "Drag a line and see the values of the frame along it; Shift keeps it straight",
        ("L",), icon="profile", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec(
        "tool.surface", "S&urface", "Drag a box, or click, and see its values as a landscape", ("S",),
        icon="surface", menu="Tools", toolbar="icon", checkable=True, group="tool",
    ),
    ActionSpec("brush.smaller", "S&maller brush", "", ("[",), menu="Tools", section=1),
    ActionSpec("brush.larger", "La&rger brush", "", ("]",), menu="Tools", section=1),
    # ---- Edit
    ActionSpec(
        "edit.undo", "&Undo", "Take back the last change of this frame's label", ("Ctrl+Z",),
        icon="undo", menu="Edit", toolbar="icon", enabled_when=c.all_of(_LABEL, c.can_undo),
    ),
    ActionSpec(
        "edit.redo", "&Redo", "Do again what was undone", ("Ctrl+Shift+Z", "Ctrl+Y"),
        icon="redo", menu="Edit", toolbar="icon", enabled_when=c.all_of(_LABEL, c.can_redo),
    ),
    ActionSpec(
        "label.accept_frame", "Accept &all",
        "Make the predicted targets, without the rejected ones, the label of this frame", (), ("Return", "Enter"),
        icon="accept-frame", menu="Edit", section=1, toolbar="text",
        enabled_when=c.all_of(_ITS_LABEL, c.has_prediction, c.has_targets),
    ),
    ActionSpec(
        "label.accept_target", "Accept &target", "Add the selected predicted target to the label",
        local=("Shift+Return",),
        icon="accept", menu="Edit", section=1, enabled_when=c.all_of(_ITS_LABEL, c.has_prediction, c.has_target),
    ),
    ActionSpec(
        "label.reject_target", "Re&ject target", "Leave the selected target out; again to restore it",
        (), ("Del", "Backspace"), icon="reject", menu="Edit", section=1,
        enabled_when=c.all_of(c.has_prediction, c.has_target),
    ),
    ActionSpec(
        "label.reviewed", "Re&viewed", "Mark the label of this frame as right, also when it is empty", ("R",),
        icon="reviewed", menu="Edit", section=2, toolbar="text", checkable=True,
        enabled_when=c.all_of(_FRAME, c.is_there),
    ),
    ActionSpec(
        "label.grow", "&Grow label", "Add one pixel around all targets of the label", ("Ctrl+]",),
        menu="Edit", section=3, enabled_when=c.all_of(_ITS_LABEL, c.has_label_pixels),
    ),
    ActionSpec(
        "label.shrink", "&Shrink label", "Take one pixel off all targets of the label", ("Ctrl+[",),
        menu="Edit", section=3, enabled_when=c.all_of(_ITS_LABEL, c.has_label_pixels),
    ),
    ActionSpec(
        "label.clear", "&Clear label", "Erase the whole label of this frame (one undo step)", (), ("Ctrl+Backspace",),
        icon="clear", menu="Edit", section=3, enabled_when=c.all_of(_ITS_LABEL, c.has_label_pixels),
    ),
    # ---- Go
    ActionSpec(
        "go.next", "&Next frame", "", ("D",), ("Right",),
        icon="next", menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_last),
    ),
    ActionSpec(
        "go.previous", "&Previous frame", "", ("A",), ("Left",),
        icon="previous", menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_first),
    ),
    ActionSpec(
        "go.first", "&First frame", "", (), ("Home",),
        menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_first),
    ),
    ActionSpec(
        "go.last", "&Last frame", "", (), ("End",),
        menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_last),
    ),
    ActionSpec(
        "go.forwards", "&Ten frames on", "", ("Shift+D",), ("PgDown",),
        menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_last),
    ),
    ActionSpec(
        "go.backwards", "Ten frames &back", "", ("Shift+A",), ("PgUp",),
        menu="Go", enabled_when=c.all_of(c.has_sequence, c.not_first),
    ),
    ActionSpec(
        "go.play", "Pl&ay", "Play the sequence, or pause", ("K",), icon="play", menu="Go", section=2, checkable=True,
        enabled_when=c.has_sequence,
    ),
    ActionSpec(
        "go.loop", "L&oop", "Start again at the end", ("Shift+K",), icon="loop", menu="Go", section=2, checkable=True,
        enabled_when=c.has_sequence,
    ),
    ActionSpec(
        "go.next_unreviewed", "Next frame to &review", "Jump to the next frame that is not reviewed", ("N",),
        icon="next-unreviewed", menu="Go", section=1, toolbar="icon", enabled_when=c.has_sequence,
    ),
    ActionSpec(
        "go.previous_unreviewed", "Previous frame to revie&w", "", ("Shift+N",),
        menu="Go", section=1, enabled_when=c.has_sequence,
    ),
    # ---- View
    ActionSpec(
        "view.fit", "&Fit", "Show the whole frame", ("Ctrl+0", "F"),
        icon="fit", menu="View", toolbar="icon", enabled_when=c.has_frame,
    ),
    ActionSpec(
        "view.actual", "Actual &size", "One screen pixel for each frame pixel", ("Ctrl+1",),
        menu="View", enabled_when=c.has_frame,
    ),
    ActionSpec("view.zoom_in", "Zoom &in", "", ("Ctrl++", "Ctrl+="), menu="View", enabled_when=c.has_frame),
    ActionSpec("view.zoom_out", "Zoom o&ut", "", ("Ctrl+-",), menu="View", enabled_when=c.has_frame),
    ActionSpec("layer.mask", "&Prediction", "", ("1",), menu="View", section=1, checkable=True),
    ActionSpec("layer.label", "&Label", "", ("2", "X"), menu="View", section=1, checkable=True),
    ActionSpec("layer.patches3", "Patches &4 → 3", "", ("3",), menu="View", section=1, checkable=True),
    ActionSpec("layer.patches2", "Patches &3 → 2", "", ("4",), menu="View", section=1, checkable=True),
    ActionSpec("layer.attention4", "&Attention, stage 4", "", ("5",), menu="View", section=1, checkable=True),
    ActionSpec("layer.attention3", "Attention, sta&ge 3", "", ("6",), menu="View", section=1, checkable=True),
    ActionSpec("layer.probability", "Pro&bability", "", ("7",), menu="View", section=1, checkable=True),
    ActionSpec("layer.verdicts", "Found and &missed", "", ("8",), menu="View", section=1, checkable=True),
    ActionSpec(
        "compare.view", "&Compare detectors", "Show several detectors side by side on this frame", ("T",),
        menu="View", section=3, checkable=True, enabled_when=c.has_sequence,
    ),
    ActionSpec("view.outline", "&Outlines only", "", ("Z",), menu="View", section=2, checkable=True),
    ActionSpec(
        "view.clahe", "Local contrast (CLA&HE)",
        "Even out contrast for the eye; values and network stay with the frame", ("C",),
        menu="View", section=3, checkable=True,
    ),
    ActionSpec(
        "view.grid", "Pixel gri&d", "Lines between the pixels at high zoom", ("Shift+G",),
        menu="View", section=3, checkable=True,
    ),
    ActionSpec(
        "view.minimap", "Mi&nimap", "The whole frame, small, while only a part of it is shown", ("M",),
        menu="View", section=3, checkable=True,
    ),
    ActionSpec(
        "view.reset_layout", "&Reset layout", "Put every panel back where it was at the first start",
        menu="View", section=4,
    ),
    ActionSpec(
        "theme.system", "Like the &system", "Light or dark as the desktop is", menu="View", section=4, submenu="Theme",
        checkable=True, group="theme",
    ),
    ActionSpec("theme.light", "&Light", "", menu="View", section=4, submenu="Theme", checkable=True, group="theme"),
    ActionSpec("theme.dark", "&Dark", "", menu="View", section=4, submenu="Theme", checkable=True, group="theme"),
    # ---- Model
    ActionSpec(
        "model.predict", "&Predict this frame again", "", ("I",), icon="predict", menu="Model",
        enabled_when=c.all_of(_FRAME, c.has_model),
    ),
    ActionSpec(
        "model.free_patches", "&Free all patches", "Let the network decide on all patches again", ("Shift+P",),
        icon="reset", menu="Model", enabled_when=c.has_forced,
    ),
    ActionSpec("model.load", "&Load model…", "Use another model file", icon="model", menu="Model"),
    ActionSpec(
        "model.clear_cache", "Cl&ear stored predictions", "Remove the predictions on disk; they can all be made again",
        menu="Model",
    ),
    ActionSpec(
        "model.fine_tune", "Fine-&tune…", "Tune the model on the corrected frames", ("Ctrl+T",),
        icon="fine-tune", menu="Model", section=1, toolbar="text",
    ),
    ActionSpec(
        "model.stop", "&Stop fine-tuning", "Finish the step, save and compare",
        icon="stop", menu="Model", section=1, enabled_when=c.is_tuning,
    ),
    ActionSpec(
        "model.accept", "&Accept candidate", "Use the candidate from now on",
        icon="candidate", menu="Model", section=1, enabled_when=c.has_candidate,
    ),
    ActionSpec(
        "model.discard", "&Discard candidate", "Go on with the current model",
        menu="Model", section=1, enabled_when=c.has_candidate,
    ),
    ActionSpec(
        "model.judge", "&Judge all frames", "Predict every frame and say why its targets are found or lost",
        ("Ctrl+J",), icon="start", menu="Model", section=2,
        enabled_when=c.all_of(c.has_sequence, c.has_model, c.not_judging),
    ),
    ActionSpec(
        "model.stop_judging", "St&op judging", "Keep what is judged so far", icon="stop", menu="Model", section=2,
        enabled_when=c.is_judging,
    ),
    ActionSpec(
        "model.export_verdicts", "E&xport verdicts…", "Write a line for every verdict as CSV", icon="save",
        menu="Model", section=2, enabled_when=c.has_verdicts,
    ),
    ActionSpec(
        "compare.start", "&Compare on all frames", "Run the chosen detectors on every frame with a label",
        ("Ctrl+Shift+J",), icon="start", menu="Model", section=3,
        enabled_when=c.all_of(c.has_sequence, c.not_comparing),
    ),
    ActionSpec(
        "compare.stop", "Stop comparin&g", "Keep what is compared so far", icon="stop", menu="Model", section=3,
        enabled_when=c.is_comparing,
    ),
    ActionSpec(
        "compare.add_model", "Compare another &model…", "Let the network of a model file take part", icon="model",
        menu="Model", section=3,
    ),
    # ---- Help
    ActionSpec(
        "help.find", "&Find an action…", "Find anything by a few letters of its name, and do it", ("Ctrl+Shift+P",),
        menu="Help",
    ),
    ActionSpec(
        "help.keys", "&Keys and mouse…", "See all keys and gestures, and change the keys", ("F1",),
        icon="keys", menu="Help",
    ),
    ActionSpec(
        "help.whats_this", "&What is this?", "Explain what is clicked next; once more: what has the focus",
        ("Shift+F1",), menu="Help",
    ),
    ActionSpec("help.log", "Open &log folder", "", menu="Help"),
    ActionSpec("help.about", "&About ADSNet Studio", "", menu="Help", section=1),
)  # fmt: skip

MENUS = {
    "File": "&File", "Edit": "&Edit", "Go": "&Go", "View": "&View",
    "Tools": "&Tools", "Model": "&Model", "Help": "&Help",
}  # fmt: skip
"""Title of each menu, in their order, with the letter that opens it with Alt."""

SUBMENUS = {"Theme": "&Theme", "Recent": "R&ecent", "Panels": "Pan&els"}
"""Likewise of the menus within menus."""
