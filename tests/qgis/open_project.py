"""Run by the Python of QGIS itself: opens a project without a screen, writes what it found as JSON, and pictures.

/usr/bin/python3 open_project.py REGION.qgz OUT_DIR [THEME ...]
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
    QgsInterval,
    QgsLayerTreeModel,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterBandStats,
    QgsRasterLayer,
    QgsTemporalNavigationObject,
    QgsVectorLayer,
    QgsVectorLayerTemporalContext,
)
from qgis.PyQt.QtCore import QSize, Qt

WIDTH, HEIGHT = 1000, 800


def main(path, out, themes):
    """Look at everything; the application is closed whatever happens."""
    application = QgsApplication([], False)
    application.initQgis()
    try:
        look(path, Path(out), themes)
    finally:
        QgsProject.instance().clear()
        application.exitQgis()


def look(path, out, themes):
    project = QgsProject.instance()
    found = {"version": Qgis.QGIS_VERSION, "read": project.read(path)}
    frames = slider(project)
    extent = project.viewSettings().defaultViewExtent()
    found |= {
        "title": project.title(),
        "crs": project.crs().isValid(),
        "ellipsoid": project.ellipsoid(),
        "mode": project.readNumEntry("TemporalControllerWidget", "/NavigationMode")[0],
        "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
        "layers": {layer.id(): layer_facts(layer) for layer in project.mapLayers().values()},
        "frames": [frame_facts(project, frame) for frame in frames],
        "styles": {
            style.stem: style_facts(project, style) for style in Path(path).parent.glob("styles/*.qml")
        },
        "themes": {theme: theme_facts(project, theme) for theme in project.mapThemeCollection().mapThemes()},
    }
    apply(project, next(theme for theme in found["themes"] if theme.startswith("POML (")))
    for place in sorted({0, len(frames) // 2, len(frames) - 1}):
        picture, facts = render(project, frames[place])
        found["frames"][place] |= {"picture": f"frame_{place:02d}.png", **facts}
        picture.save(str(out / f"frame_{place:02d}.png"))
    for number, theme in enumerate(themes):
        apply(project, theme)
        render(project, frames[-1])[0].save(str(out / f"theme_{number}.png"))
    (out / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


def slider(project):
    """Ranges of all frames, as the temporal controller makes them."""
    settings, navigation = project.timeSettings(), QgsTemporalNavigationObject()
    navigation.setNavigationMode(QgsTemporalNavigationObject.Animated)
    navigation.setTemporalExtents(settings.temporalRange())
    navigation.setFrameDuration(QgsInterval(settings.timeStep(), settings.timeStepUnit()))
    return [navigation.dateTimeRangeForFrameNumber(number) for number in range(navigation.totalFrameCount())]


def text(span):
    return [moment.toString(Qt.ISODate) for moment in (span.begin(), span.end())]


def checked_layers(project):
    return [layer for layer in project.layerTreeRoot().checkedLayers() if layer.isSpatial()]


def layer_facts(layer):
    facts = {
        "name": layer.name(),
        "note": layer.customProperty("userNotes", ""),
        "valid": layer.isValid(),
        "crs": layer.crs().isValid(),
    }
    if isinstance(layer, QgsRasterLayer):
        stats = layer.dataProvider().bandStatistics(1, QgsRasterBandStats.All)
        extent = layer.extent()
        facts |= {
            "file": layer.publicSource(),
            "wkt": layer.crs().toWkt(),
            "statistics": [stats.minimumValue, stats.maximumValue, stats.mean],
            "bounds": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
            "legend": legend(layer),
        }
    else:
        facts |= {"features": layer.featureCount(), "labels": layer.labelsEnabled()}
    return facts


def legend(layer):
    return [[label, shade.name()] for label, shade in layer.renderer().legendSymbologyItems()]


def frame_facts(project, frame):
    shown = [
        layer.name()
        for layer in checked_layers(project)
        if not layer.temporalProperties().isActive()
        or layer.temporalProperties().isVisibleInTemporalRange(frame)
    ]
    facts = {"range": text(frame), "shown": shown}
    for layer in project.mapLayersByName("Samples"):
        context = QgsVectorLayerTemporalContext()
        context.setLayer(layer)
        wanted = QgsFeatureRequest().setFilterExpression(
            layer.temporalProperties().createFilterString(context, frame)
        )
        facts["sample_years"] = sorted({feature["year"] for feature in layer.getFeatures(wanted)})
    return facts


def style_facts(project, path):
    """What a style file makes of a fresh layer, beside the same kind in the project."""
    for layer in project.mapLayers().values():
        is_raster = isinstance(layer, QgsRasterLayer)
        if (path.stem in ("samples", "zones")) == is_raster:
            continue
        fresh = (
            QgsRasterLayer(layer.source(), "fresh")
            if is_raster
            else QgsVectorLayer(layer.source(), "fresh", "ogr")
        )
        read = fresh.loadNamedStyle(str(path))[1]
        if is_raster:
            return {"read": read, "legend": legend(fresh)}
        return {"read": read, "labels": fresh.labelsEnabled(), "symbol": fresh.renderer().symbol().dump()}
    return {}


def apply(project, theme):
    root = project.layerTreeRoot()
    project.mapThemeCollection().applyTheme(theme, root, QgsLayerTreeModel(root))


def theme_facts(project, theme):
    """What a theme promises, and what is shown after it has been applied."""
    promised = [layer.name() for layer in project.mapThemeCollection().mapThemeVisibleLayers(theme)]
    apply(project, theme)
    return {"promised": promised, "shown": [layer.name() for layer in checked_layers(project)]}


def render(project, frame):
    settings = QgsMapSettings()
    settings.setLayers(checked_layers(project))
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setOutputSize(QSize(WIDTH, HEIGHT))
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
    labels = [
        label.labelText for label in job.takeLabelingResults().labelsWithinRect(settings.visibleExtent())
    ]
    return job.renderedImage(), {"errors": [error.message for error in job.errors()], "written": labels}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
