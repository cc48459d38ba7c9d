"""Events of alarms → incidents, tick by tick; serves the step CorrelateAlarms."""
