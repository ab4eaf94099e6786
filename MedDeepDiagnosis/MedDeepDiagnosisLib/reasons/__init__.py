"""Why a prediction is what it is: for any predictor that turns (N, F) values into (N,) predictions.

Every reason describes the model, not the disease, and comes with a check of whether it is faithful to the model.
"""

from MedDeepDiagnosisLib.reasons.counterfactual import Counterfactual, counterfactual
from MedDeepDiagnosisLib.reasons.faithfulness import Faithfulness, deletion_test
from MedDeepDiagnosisLib.reasons.importance import Importance, permutation_importance
from MedDeepDiagnosisLib.reasons.nearest import NearestCases, Scales, learn_scales, nearest_cases
from MedDeepDiagnosisLib.reasons.occlusion import LesionAttribution, occlude_lesion
from MedDeepDiagnosisLib.reasons.predictor import Predictor, on_log_odds
from MedDeepDiagnosisLib.reasons.shapley import Attribution, planned_samples, shapley_values

__all__ = [
    "Attribution",
    "Counterfactual",
    "Faithfulness",
    "Importance",
    "LesionAttribution",
    "NearestCases",
    "Predictor",
    "Scales",
    "counterfactual",
    "deletion_test",
    "learn_scales",
    "nearest_cases",
    "occlude_lesion",
    "on_log_odds",
    "permutation_importance",
    "planned_samples",
    "shapley_values",
]
