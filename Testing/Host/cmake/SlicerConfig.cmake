# What find_package(Slicer) finds in the test of our CMake lists: enough of a build of Slicer to configure and install an
# extension of scripted modules. With SLICER_SOURCE, a checkout, Slicer's own macros are used for what is not CTK's.

set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/CheckExtension.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/CheckExtension.cmake)
set(Slicer_USE_PYTHONQT ON)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.13/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.13/qt-scripted-modules)
set(Slicer_QTLOADABLEMODULES_LIB_DIR lib/Slicer-5.13/qt-loadable-modules)
set(Slicer_CLIMODULES_LIB_DIR lib/Slicer-5.13/cli-modules)
set(Slicer_LAUNCHER_EXECUTABLE ${CMAKE_COMMAND} -E echo)
set(Slicer_FOUND TRUE)
