"""The one colour of each penalty, so that a kind looks the same in every run list, chart and page.

The colours keep apart for people with any of the common kinds of colour blindness (Okabe and Ito).
"""

PENALTY_COLORS = {
    "none": "#7f7f7f",
    "l1": "#0072b2",
    "l2": "#e69f00",
    "elastic_net": "#009e73",
    "group_lasso": "#cc79a7",
    "sparse_group_lasso": "#56b4e9",
    "weight_decay": "#d55e00",
}
OTHER_COLOR = "#332288"
