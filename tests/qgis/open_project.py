"""Run by the Python of QGIS itself: opens a project without a screen, writes what it found as JSON, and pictures.

python3 open_project.py REGION.qgz OUT_DIR [theme ...]
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeatureRequest,
    QgsLayerTreeModel,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterBandStats,
    QgsTemporalNavigationObject,
    QgsVectorLayerTemporalContext,
)
from qgis.PyQt.QtCore import QSize, Qt

RASTER = 1


def main(path, out, themes):
    application = QgsApplication([], False)
    application.initQgis()
    project = QgsProject.instance()
    found = {"version": Qgis.QGIS_VERSION, "read": project.read(path)}
    frames = slider(project)
    found |= {
        "title": project.title(),
        "crs": [project.crs().authid(), project.crs().isValid(), project.ellipsoid()],
        "range": [text(moment) for moment in ends(project.timeSettings().temporalRange())],
        "step": [project.timeSettings().timeStep(), str(project.timeSettings().timeStepUnit())],
        "mode": project.readNumEntry("TemporalControllerWidget", "/NavigationMode")[0],
        "themes": project.mapThemeCollection().mapThemes(),
        "layers": [layer_facts(layer) for layer in project.mapLayers().values()],
        "groups": [[group.name(), group.isVisible()] for group in project.layerTreeRoot().findGroups()],
        "frames": [frame_facts(project, frame) for frame in frames],
    }
    for place in sorted({0, len(frames) // 2, len(frames) - 1}):
        picture = render(project, checked_layers(project), frames[place])
        picture.save(str(Path(out) / f"frame_{place:02d}.png"))
    for theme in themes:
        project.mapThemeCollection().applyTheme(
            theme, project.layerTreeRoot(), QgsLayerTreeModel(project.layerTreeRoot())
        )
        name = "".join(letter if letter.isalnum() else "_" for letter in theme)
        render(project, checked_layers(project), frames[-1]).save(str(Path(out) / f"theme_{name}.png"))
    (Path(out) / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    project.clear()
    application.exitQgis()


def slider(project):
    """Ranges of all frames, as the time slider makes them."""
    settings, navigation = project.timeSettings(), QgsTemporalNavigationObject()
    navigation.setNavigationMode(QgsTemporalNavigationObject.Animated)
    navigation.setTemporalExtents(settings.temporalRange())
    from qgis.core import QgsInterval

    navigation.setFrameDuration(QgsInterval(settings.timeStep(), settings.timeStepUnit()))
    return [navigation.dateTimeRangeForFrameNumber(number) for number in range(navigation.totalFrameCount())]


def ends(span):
    return span.begin(), span.end()


def text(moment):
    return moment.toString(Qt.ISODate)


def checked_layers(project):
    return [layer for layer in project.layerTreeRoot().checkedLayers() if layer.isSpatial()]


def is_shown(layer, frame):
    temporal = layer.temporalProperties()
    return not temporal.isActive() or temporal.isVisibleInTemporalRange(frame)


def layer_facts(layer):
    facts = {
        "id": layer.id(),
        "name": layer.name(),
        "valid": layer.isValid(),
        "crs": [layer.crs().authid(), layer.crs().isValid()],
        "temporal": layer.temporalProperties().isActive(),
        "source": layer.publicSource(),
    }
    if int(layer.type()) == RASTER:
        provider, renderer = layer.dataProvider(), layer.renderer()
        stats = provider.bandStatistics(1, QgsRasterBandStats.All)
        facts |= {
            "statistics": [stats.minimumValue, stats.maximumValue, stats.mean],
            "nodata": provider.sourceNoDataValue(1) if provider.sourceHasNoDataValue(1) else None,
            "range": [text(moment) for moment in ends(layer.temporalProperties().fixedTemporalRange())],
            "renderer": renderer.type(),
            "legend": [[label, shade.name()] for label, shade in renderer.legendSymbologyItems()],
        }
    else:
        facts |= {"features": layer.featureCount(), "labels": layer.labelsEnabled()}
    return facts


def frame_facts(project, frame):
    shown = [layer for layer in checked_layers(project) if is_shown(layer, frame)]
    facts = {"range": [text(moment) for moment in ends(frame)], "shown": [layer.name() for layer in shown]}
    for layer in project.mapLayersByName("Samples"):
        context = QgsVectorLayerTemporalContext()
        context.setLayer(layer)
        wanted = layer.temporalProperties().createFilterString(context, frame)
        facts["sample_years"] = sorted(
            {
                feature["year"]
                for feature in layer.getFeatures(QgsFeatureRequest().setFilterExpression(wanted))
            }
        )
    return facts


def render(project, layers, frame):
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setOutputSize(QSize(1000, 800))
    settings.setBackgroundColor(project.backgroundColor())
    settings.setIsTemporal(True)
    settings.setTemporalRange(frame)
    context = QgsExpressionContext()
    for scope in (
        QgsExpressionContextUtils.globalScope(),
        QgsExpressionContextUtils.projectScope(project),
        QgsExpressionContextUtils.mapSettingsScope(settings),
    ):
        context.appendScope(scope)
    settings.setExpressionContext(context)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    for error in job.errors():
        print(f"{error.layerID}: {error.message}", file=sys.stderr)
    return job.renderedImage()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
