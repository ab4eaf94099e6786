"""Label values of the sources of the growing benchmark and the names of their objects."""


def _numbered(names: str, first: int) -> dict[str, tuple[int, ...]]:
    return {name.strip(): (first + number,) for number, name in enumerate(names.split(","))}


ABDOMEN_CT = {
    **_numbered("spleen, kidney right, kidney left, gallbladder, liver, stomach, pancreas", 1),
    **_numbered("adrenal gland right, adrenal gland left, lung upper lobe left, lung lower lobe left", 8),
    "lung lower lobe right": (14,),
    **_numbered("small bowel, duodenum, colon", 18),
    **_numbered("vertebra L2, vertebra L1, vertebra T12, vertebra T11", 30),
    "aorta": (52,),
    **_numbered("inferior vena cava, portal and splenic vein", 63),
    **_numbered("humerus left, humerus right", 69),
    "spinal cord": (79,),
    **_numbered("back muscles left, back muscles right, iliopsoas left, iliopsoas right", 86),
    **{f"rib {number} left": (91 + number,) for number in range(1, 13)},
    **{f"rib {number} right": (103 + number,) for number in range(1, 13)},
    "costal cartilages": (117,),
}
"""TotalSegmentator, CT."""

ABDOMEN_MR = {
    **_numbered("spleen, kidney right, kidney left, gallbladder, liver, stomach, pancreas", 1),
    **_numbered("adrenal gland right, adrenal gland left", 8),
    **_numbered("lung right, esophagus, small bowel, duodenum, colon", 11),
    **_numbered("vertebra, disc, spinal cord", 19),
    **_numbered("aorta, inferior vena cava, portal and splenic vein", 23),
    **_numbered("back muscles left, back muscles right, iliopsoas left, iliopsoas right", 46),
}
"""TotalSegmentator, MR; its vertebrae and discs have one label each."""

VERTEBRAE_CT = _numbered("vertebra L2, vertebra L3, vertebra L4", 21)
VERTEBRAE_MR = {
    **_numbered("vertebra C5, vertebra C6, vertebra C7", 5),
    **_numbered("disc C5, disc C6", 105),
    **_numbered("endplate C5, endplate C6", 205),
}
SPINE_PARTS = {
    **_numbered("vertebral arch, spinous process, transverse process left, transverse process right", 41),
    **_numbered("upper articular process left, upper articular process right", 45),
    **_numbered("lower articular process left, lower articular process right", 47),
    "vertebral body": (49, 50),
}
"""TPTBox; on MR 49 is the body, on CT 49 is its rim and 50 its inside."""

BRAIN = {
    **_numbered("white matter left, cortex left, lateral ventricle left", 2),
    **_numbered("cerebellar white matter left, cerebellar cortex left", 7),
    **_numbered("thalamus left, caudate left, putamen left, pallidum left", 10),
    **_numbered("third ventricle, fourth ventricle, brainstem, hippocampus left, amygdala left", 14),
    "accumbens left": (26,),
    "ventral diencephalon left": (28,),
    "corpus callosum": (251, 252, 253, 254, 255),
}
"""FreeSurfer."""

SNAP = {f"region {number}": (number,) for number in range(1, 9)}
"""The sample of ITK-SNAP: ventricles and what is around them; the file has no names."""
