"""Simulated gliomas on real anatomy: patients for samples, demonstrations and the bench."""

from napari_osuda.simulation.patient import LABELS, SimulatedPatient, simulate_patient
from napari_osuda.simulation.scanner import CONTRASTS, SCANNERS, Scanner

__all__ = ["CONTRASTS", "LABELS", "SCANNERS", "Scanner", "SimulatedPatient", "simulate_patient"]
