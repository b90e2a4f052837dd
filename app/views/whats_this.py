"""What Shift+F1 says about each panel and each part of the window that is no action."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

WHATS_THIS = {
    "frames": "<b>Frames</b><br>Every frame of the sequence. The mark shows its state: a ring has no label, a diamond "
    "came with one, a filled diamond was corrected here, a disk with a tick is reviewed; a point inside means that it "
    "was predicted. Filter by a part of the name or by state. The bar below shows how many are reviewed.",
    "targets": "<b>Targets</b><br>What the network takes for targets in this frame. A click shows one on the canvas; "
    "accept it into the label or reject it. Moving the threshold does not run the network again. SCR is the local "
    "signal-to-clutter ratio: how far a target stands out from its surroundings.",
    "layers": "<b>Layers</b><br>What is drawn over the frame: the eye shows or hides a layer, the slider sets its "
    "opacity, and the key beside it does the same as the eye. Grey layers have nothing to show for this frame.",
    "display": "<b>Display</b><br>How grey levels become brightness: drag the limits in the histogram, choose the "
    "colour map, keep the limits over the sequence, even out local contrast. It never changes what the network sees.",
    "cascade": "<b>Cascade</b><br>How many patches each stage drops before the next, finer one computes the rest. More "
    "dropped is faster; too many, and a faint target is lost with its patch. The result follows the sliders at once.",
    "measures": "<b>Measures</b><br>Pd over Fa by threshold, dashed for this frame and solid for all that were judged; "
    "the rings are at the threshold in use, a click takes that of another point. Below: nIoU, Pd and Fa of the frame, "
    "of the rows chosen in Report and of all, against the labels as they are now.",
    "fine_tune": "<b>Fine-tune</b><br>Train the model on frames that you corrected. It runs in a process of its own, "
    "so you can go on. What comes out is a candidate, compared with the current model on frames that it did not learn "
    "from; nothing changes until you accept it.",
    "stages": "<b>Stages</b><br>The way of this frame through the network, step by step: what each stage saw and "
    "decided, how long it took and what dropping patches saved. A click lays a step over the frame; the number in a "
    "picture is its value under the pointer.",
    "profile": "<b>Profile</b><br>The native values along a line that you drag with the line tool, whatever the "
    "display does to them. The dotted line is their median, the bar the full width at half maximum of the peak. The "
    "pointer here shows the place on the canvas.",
    "surface": "<b>Surface</b><br>A region as a landscape of its native values: drag a box with the surface tool, or "
    "click for the surroundings; without one it is around the selected target. Drag to turn it, double click to put it "
    "back.",
    "why": "<b>Why</b><br>One line for every target of the label: found, or why it was lost, and one for every false "
    "alarm. A click goes there, a click on a heading sorts; the list above leaves lines out.",
    "report": "<b>Report</b><br>The whole sequence judged against its labels: what was found, what was lost to "
    "sparsity and what to segmentation. A click on a line goes to its frame; a click on a heading sorts.",
    "compare": "<b>Compare</b><br>Several detectors on the same frames, counted by the same rules: tick those that "
    "take part. The list has the targets that one finds and another misses, and the false alarms of one alone; a click "
    "on a line goes there. Select a detector to change its threshold.",
    "canvas": "<b>The frame</b><br>One square is one pixel, never smoothed. The wheel zooms at the pointer; Space, the "
    "middle button or the select tool move the view. What a click does depends on the tool in the toolbar; the right "
    "button opens a menu for the target under it.",
    "timeline": "<b>Timeline</b><br>Where this frame is in the sequence. The strip under the slider shows which "
    "frames have a label, were corrected or reviewed; below, once all frames are judged, which have targets and, lower "
    "and red, where prediction and label disagree. Playing leaves frames out where the machine does not keep up.",
    "status": "<b>Status line</b><br>From left to right: place and value of the pixel under the pointer, how far the "
    "target or the 3 × 3 pixels there stand out from their surroundings, the keep probability of its patches, what is "
    "running and how long it will take, the model, the zoom, and when the labels were saved.",
    "toolbar": "<b>Toolbar</b><br>What is needed most. Every action with its key is in the menus too.",
    "notice": "<b>Notice</b><br>What went wrong or was done, and what to do about it. It goes by itself when it is no "
    "longer true; Details and Copy are for bug reports.",
    "minimap": "<b>Minimap</b><br>The whole frame while only a part of it is in view. Click or drag to move there.",
    "empty": "<b>Nothing is open</b><br>Open images, a folder, a data set or a video, or drop them on the window.",
}


def explain(name: str, *widgets: QWidget) -> None:
    """Let Shift+F1 say about these widgets what is written above."""
    for widget in widgets:
        widget.setWhatsThis(WHATS_THIS[name])
