"""Importing this mutes warnings of Google's packages, which Beam loads with their services.

They announce, for each package, the end of versions that are pinned here. Packages that load Beam
import this first.
"""

import warnings

warnings.filterwarnings("ignore", category=FutureWarning, module="google")
